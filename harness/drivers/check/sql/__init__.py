"""Facts of the database, asked in SQL: version, who is primary, standbys, settings, password hashes."""
