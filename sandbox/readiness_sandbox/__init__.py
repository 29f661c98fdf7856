"""The embedded target of Readiness Harness: a small Kubernetes with a three-region platform, on one Linux machine."""
