Feature: Blockchain and advanced analytics
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                     | parts                                                                                  |
      | FI-BCA-PATTERN | the architecture pattern | FI-BCA-ONCHAIN, FI-BCA-OFFCHAIN, FI-BCA-MARKETPLACE, FI-BCA-TRUSTED and FI-BCA-BI pass |
      | FI-BCA-STEPS   | the implementation steps | FI-BCA-INDEX, FI-BCA-CONNECTORS, FI-BCA-SETTLEMENT, FI-BCA-PROOFS and FI-BCA-APPS pass |
