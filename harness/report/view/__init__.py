"""A judgement as rows of text, shared by all report formats."""
