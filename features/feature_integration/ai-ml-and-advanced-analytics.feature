Feature: AI/ML and advanced analytics
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                     | parts                                                                                             |
      | FI-AIA-PATTERN | the architecture pattern | FI-AIA-PIPELINE, FI-AIA-FEATURESTORE, FI-AIA-REGISTRY, FI-AIA-PREDICTION and FI-AIA-FEEDBACK pass |
      | FI-AIA-STEPS   | the implementation steps | FI-AIA-ZONES, FI-AIA-ENGINEERING, FI-AIA-SERVING, FI-AIA-DASHBOARD and FI-AIA-CAPTURE pass        |
