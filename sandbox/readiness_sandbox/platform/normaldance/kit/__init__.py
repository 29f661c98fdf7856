"""What the services share: settings, the HTTP server, calls to other services, PostgreSQL."""
