Feature: Business KPIs
  Document 000, section by section: what is measured, read from reports, vouched for, and made of these.

  @ND-BIZ-ADOPTION
  Scenario: 90 of 100 users have adopted the release within 30 days
    When the figures "business" of this release have been read
    Then the figure "user_adoption" is at least 90 %, measured within 30 d of the release

  @ND-BIZ-COST
  Scenario: A month costs a quarter less than the baseline month
    When the figures "business" of this target have been read
    Then the figure "monthly_cost" is at least 25 % below its baseline

  @ND-BIZ-PERFORMANCE
  Scenario: The integrated platform is quicker than what it replaces
    When "everyday" traffic has run
    Then the response time p95 of everyday traffic is at least 40 % lower than in the baseline run

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement       | what                         | parts                                                            |
      | ND-BIZ-COMPLETION | integration completion 100 % | ND-PHASE-5, ND-CHECK-PRE, ND-CHECK-DEPLOY and ND-CHECK-POST pass |
