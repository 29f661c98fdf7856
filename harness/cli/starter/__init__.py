"""A project of one's own: what `readiness init` asks of the service, and the files that it writes."""
