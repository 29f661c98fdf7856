Feature: Change management
  Document 000, section by section: what is measured, read from reports, vouched for, and made of these.

  @ND-CHG-TEST
  Scenario: A run in staging of this release decided GO
    When the verdict "staging" of this release has been read
    Then the decision of the run in staging is GO, younger than 7 d

  @ND-CHG-ROLLBACK
  Scenario: A release that fails a tenth is taken back by no hand
    When the rollout "failing-tenth" has run under "census" traffic
    Then a release with 10 % errors is taken back without a hand within 15 min of its switch

  @ND-CHG-MONITOR
  Scenario: The health of every pod is read while a release takes over
    When every pod has been read during the rollout "canary" under "census" traffic
    Then the health of every pod was read with no gap over 10 s through the whole rollout

  @ND-CHG-ORDER
  Scenario: Plan, staging run, sign-off and switch came in this order
    When the record "change" of this release has been read
    Then the steps "plan, staging run, sign-off and switch" were finished in this order

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement     | what                                | role            | age  |
      | ND-CHG-PLAN     | impact assessment and rollback plan | release-manager | 90 d |
      | ND-CHG-APPROVAL | stakeholder sign-off                | product-owner   | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement   | what                  | parts                  |
      | ND-CHG-DEPLOY | blue-green deployment | ND-DEP-BLUEGREEN passes |
