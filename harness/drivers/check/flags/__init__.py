"""Feature flags: switches them and observes their effect on answers, pages and metrics."""
