"""Checks of the database by SQL: version, primary, standbys, settings, password hashes, migrations."""
