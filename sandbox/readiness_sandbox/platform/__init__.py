"""The three-region platform: manifests, services, and what describes them to the harness."""
