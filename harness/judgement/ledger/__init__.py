"""The account of acknowledged writes: recorded against read back, for the ledger and for journeys, and which losses are excused."""
