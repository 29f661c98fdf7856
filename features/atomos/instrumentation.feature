Feature: Instrumentation
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-OBS-ERRORS
  Scenario: The metrics count every error that users meet
    When the metrics of every service have been read under "everyday" traffic
    And the experiment "errors-10" has run under "everyday" traffic
    And the experiment "locked-tables" has run under "everyday" traffic
    Then the error count of every service by route equals the failures that the traffic saw there over the run

  @AT-OBS-PERFORMANCE
  Scenario: Every service shows how quickly and how often it answers
    When the deployed platform has been inspected
    Then the p50, p95, p99 and request rate of every service are exposed and at most 15 s old

  @AT-OBS-UX
  Scenario: How long pages take for their users is measured all the time
    When the deployed platform has been inspected
    Then the page timing of every page is exposed and at most 60 s old in the steady state

  @AT-OPS-ALERTING
  Scenario: The way of an alert is open
    When the deployed platform has been inspected
    Then every declared alert rule is loaded and a test alert arrives within 60 s

  @AT-OPS-HEALTH
  Scenario: Every workload is asked for its health
    When the deployed platform has been inspected
    Then every workload has liveness period at most 10 s and readiness period at most 10 s

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement      | what                         | role            | age  |
      | AT-OPS-EMERGENCY | emergency response protocols | operations-lead | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                         | parts                                                                          |
      | AT-OPS-ROLLBACK | complete rollback procedures | AT-RBK-AUTO, AT-RBK-MANUAL, AT-RBK-DATA, AT-RBK-COMMS and AT-RBK-COVERAGE pass |
