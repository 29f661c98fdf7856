"""The monitor of the platform: scrapes, rules, alerts and their receiver.

It speaks Prometheus' and Alertmanager's own protocols.

    scrape ─▶ storage ─▶ promql ─▶ rules ─▶ notify ─▶ receiver
                  └───────────── api ───────────┘

It runs as pods, and imports nothing of the harness.
"""
