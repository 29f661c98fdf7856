"""Load reports of other tools: each format is one module with a `LoadFormat`, which `formats` finds."""
