"""The results of the judge: measures, verdicts, reasons, the decision, summaries for reports, and earlier runs."""
