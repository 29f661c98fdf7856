"""Alerts as the judge reads them: when each fired and was resolved, and when which notice reached its receiver."""
