"""What the judge gives: measures, verdicts, reasons, the decision, summaries for the reports, and earlier runs."""
