"""The embedded target: a three-region platform of real processes behind a small Kubernetes API, on one Linux machine."""
