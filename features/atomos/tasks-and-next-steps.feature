Feature: Tasks and next steps
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-TASK-ORDER
  Scenario: Each task waited for the one before
    When the record "tasks" of this release has been read
    Then the steps "1, 2, 3 and 4" were finished in this order

  @AT-NEXT-SECURITY
  Scenario: The security suite passed before staging was deployed
    When the JUnit report "security" of this commit has been read
    Then at least 1 test passed and none failed before the deployment to staging of the record "deployments" began

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement          | what                                  | role              | age  |
      | AT-TASK-ENV-TIME     | task 1 in 2 to 4 h, priority high     | programme-manager | 90 d |
      | AT-TASK-RISK-TIME    | task 2 in 3 to 6 h, priority high     | programme-manager | 90 d |
      | AT-TASK-TESTING-TIME | task 3 in 2 to 3 h, priority medium   | programme-manager | 90 d |
      | AT-TASK-ROLLOUT-TIME | task 4 in 1 to 2 h, priority medium   | programme-manager | 90 d |
      | AT-DEL-SECURITYPLAN  | deliverable: security plan            | security-lead     | 90 d |
      | AT-DEL-MONITORING    | deliverable: monitoring design        | operations-lead   | 90 d |
      | AT-DEL-ACCEPTANCE    | deliverable: user acceptance criteria | product-owner     | 90 d |
      | AT-DEL-COMMUNICATION | deliverable: user communication plan  | product-owner     | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement        | what                              | parts                                                                                  |
      | AT-TASK-ENV        | task 1: environment configuration | AT-STG-CONFIG, AT-ENV-PRODUCTION, AT-DEL-SECURITYPLAN and AT-DEL-MONITORING pass       |
      | AT-TASK-RISK       | task 2: risk mitigation           | AT-DEL-ROLLBACK, AT-OPS-HEALTH, AT-OPS-ALERTING and AT-OPS-EMERGENCY pass              |
      | AT-TASK-TESTING    | task 3: integration testing       | AT-STG-INTEGRATION, AT-SUITE-PERFORMANCE, AT-SUITE-SECURITY and AT-DEL-ACCEPTANCE pass |
      | AT-TASK-ROLLOUT    | task 4: gradual rollout planning  | AT-CAN-STEPS, AT-PHASE-FLAGS, AT-DEL-COMMUNICATION and AT-DEL-METRICS pass             |
      | AT-NEXT-STAGING    | staging set up and validated      | AT-VEC-STAGING passes                                                                   |
      | AT-NEXT-MONITORING | production monitoring set up      | AT-PROD-MONITORING and AT-OPS-ALERTING pass                                            |
      | AT-NEXT-FLAGS      | feature flag system in place      | AT-PHASE-FLAGS passes                                                                   |

  @AT-DEL-METRICS
  Scenario: Every success metric is drawn
    When "everyday" traffic has run
    Then every success metric of the document has a dashboard panel with data younger than 60 s

  @AT-DEL-ROLLBACK
  Scenario: Rollback procedures are written
    When the files of the platform have been read
    Then every rollback procedure names its command, its owner and its time limit
