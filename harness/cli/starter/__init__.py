"""A new project: the requests of `readiness init` to the service, and the files that it writes."""
