"""Feature flags: how they are switched, and what answers, pages and metrics show of it."""
