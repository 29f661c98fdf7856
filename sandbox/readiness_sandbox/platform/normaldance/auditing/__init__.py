"""The audit log of the platform: its tables, the refusals that the gateway reports, and the export of a person."""
