"""The readiness page: `readiness.html`."""
