"""Figures of load reports that other tools wrote: of single requests as of the run's own load, or of what a summary proves."""
