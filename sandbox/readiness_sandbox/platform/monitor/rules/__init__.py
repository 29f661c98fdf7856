"""Rules: read from files, evaluated, and what becomes of alerts."""
