Feature: Blockchain and IoT
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                     | parts                                                                                             |
      | FI-BCI-PATTERN | the architecture pattern | FI-BCI-IDENTITY, FI-BCI-PROVENANCE, FI-BCI-SUPPLYCHAIN, FI-BCI-CONTRACTS and FI-BCI-TOKENS pass   |
      | FI-BCI-STEPS   | the implementation steps | FI-BCI-REGISTRATION, FI-BCI-NOTARY, FI-BCI-TRACKAPP, FI-BCI-TRIGGERS and FI-BCI-TOKENIZATION pass |
