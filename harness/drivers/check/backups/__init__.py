"""Checks of backups in their place: the newest one with its checksum, and the rule by which old ones go."""
