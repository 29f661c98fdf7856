"""Figures of backups: the age of the newest one, and which were kept and removed."""
