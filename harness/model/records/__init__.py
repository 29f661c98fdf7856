"""What a run records and the judge reads: evidence, tables, histories' observations, windows, and which rule uses each record."""
