Feature: Gradual rollout
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                          | parts                                                                                              |
      | AT-PHASE-GRADUAL | gradual rollout by percentage | AT-CAN-STEPS, AT-CAN-STEP-5, AT-CAN-STEP-25, AT-CAN-STEP-50, AT-CAN-STEP-100 and AT-CAN-DWELL pass |
      | AT-PHASE-CANARY  | canary on a limited user base | AT-CAN-STEP-5, AT-CAN-STICKY and AT-CAN-BLAST pass                                                 |
      | AT-PHASE-FLAGS   | feature toggles exist         | AT-FF-QUERIES, AT-FF-UI, AT-FF-MONITORING and AT-FF-ROLLBACK pass                                  |

  @AT-CAN-STEPS
  Scenario: Users move to the candidate by 5, 25, 50 and 100 %
    When the rollout "canary" has run under "census" traffic
    Then the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order

  Scenario Outline: <share> of users at the <share> step
    When the rollout "canary" has run under "census" traffic
    Then the share of users on the new release is <share> ± <points> points at the <share> step

    Examples:
      | requirement    | share | points |
      | AT-CAN-STEP-5  | 5 %   | 3      |
      | AT-CAN-STEP-25 | 25 %  | 5      |
      | AT-CAN-STEP-50 | 50 %  | 5      |

  @AT-CAN-STEP-100
  Scenario: All users at the last step
    When the rollout "canary" has run under "census" traffic
    Then the share of users on the new release is 100 % at the 100 % step

  @AT-CAN-STICKY
  Scenario: A user stays with the release that was given
    When the rollout "canary" has run under "census" traffic
    Then no user met both releases within a step and none went back when the share grew

  @AT-CAN-DWELL
  Scenario: Each step lasts
    When the rollout "canary" has run under "census" traffic
    Then every step lasted at least 2 h

  @AT-CAN-VALIDATION
  Scenario: No step without a verdict on the one before
    When the rollout "canary" has run under "census" traffic
    Then every step has a recorded verdict before the next one began

  @AT-PHASE-BLUEGREEN
  Scenario: Blue-green without downtime
    When the rollout "blue-green" has run under "visits" traffic
    Then no request got 502, 503, 504 or no answer during the switch and the switch back

  @AT-CAN-BLAST
  Scenario: A bad canary hurts its share only
    When the rollout "bad-canary" has run under "census" traffic
    Then the share of users who met an error of a bad release is at most 8 % at the 5 % step

  Scenario Outline: A release that <is worse> is not promoted
    When the rollout "<rollout>" has run under "census" traffic
    Then no release over 1.2 × the old one's p95 or 1 point over its error rate is promoted

    Examples:
      | requirement     | is worse   | rollout     |
      | AT-CAN-CRITERIA | is slower  | slower      |
      | AT-CAN-CRITERIA | fails more | fails-more  |

  Scenario Outline: The way back from the <step> step
    When the rollout "<rollout>" has run under "census" traffic
    Then the rollback starts within 60 s of its trigger at the 5 %, 25 % and 50 % steps

    Examples:
      | requirement     | step | rollout     |
      | AT-CAN-ROLLBACK | 5 %  | bad-canary  |
      | AT-CAN-ROLLBACK | 25 % | bad-from-25 |
      | AT-CAN-ROLLBACK | 50 % | bad-from-50 |
