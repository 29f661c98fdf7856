Feature: AI/ML and edge computing
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                     | parts                                                                                                         |
      | FI-AIE-PATTERN | the architecture pattern | FI-AIE-INFERENCE, FI-AIE-FEDERATED, FI-AIE-OPTIMISATION, FI-AIE-FILTER and FI-AIE-CONTINUOUS pass             |
      | FI-AIE-STEPS   | the implementation steps | FI-AIE-OPTPIPELINE, FI-AIE-DEPLOY, FI-AIE-FEDINFRA, FI-AIE-PREDFILTER, FI-AIE-UPDATE and FI-AIE-ROLLBACK pass |
