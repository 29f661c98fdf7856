"""Other tools' reports as evidence: what each sentence about a report finds in it."""
