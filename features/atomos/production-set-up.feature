Feature: Production set-up
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement        | what                                  | parts                                                                                              |
      | AT-PROD-MONITORING | production monitoring, all four items | AT-PROD-MON-APPLICATION, AT-PROD-MON-PERFORMANCE, AT-PROD-MON-ERRORS and AT-PROD-MON-BUSINESS pass |
