Feature: Business KPIs
  Document 000, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement       | what                         | parts                                                            |
      | ND-BIZ-COMPLETION | integration completion 100 % | ND-PHASE-5, ND-CHECK-PRE, ND-CHECK-DEPLOY and ND-CHECK-POST pass |
