"""A rollout as an act: its objects before and after, its steps, the signals of its triggers, and what was followed."""
