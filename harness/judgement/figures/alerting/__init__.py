"""Alerts as the judge reads them: when each alert fired and was resolved, and when its notices reached their receiver."""
