"""What the platform's monitor knows: targets, series, rules and dashboards, by Prometheus' HTTP API."""
