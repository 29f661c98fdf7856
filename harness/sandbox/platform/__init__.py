"""The platform that the sandbox runs: its manifests, parts, services and releases, and the target file that describes it."""
