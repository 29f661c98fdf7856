"""Backups of the database: dumps, base backups and archived WAL, encrypted, in an object store; and their restore."""
