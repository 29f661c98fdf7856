"""A judgement in rows of words: what all report formats have in common."""
