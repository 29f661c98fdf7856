"""Drills: a copy of what serves is restored into a scratch database, compared, timed and removed."""
