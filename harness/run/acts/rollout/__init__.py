"""A rollout as an act: its objects before and after, its steps, and the signals of its triggers."""
