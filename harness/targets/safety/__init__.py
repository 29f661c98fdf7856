"""Protection of a target: the guard, the lock, and the undo log on disk."""
