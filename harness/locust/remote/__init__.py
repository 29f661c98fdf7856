"""Load generators on other machines: Locust's master and workers, and their clocks."""
