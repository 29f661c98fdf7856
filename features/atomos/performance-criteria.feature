Feature: The performance criteria of the staged integration
  Judged on the fault-free windows of the everyday traffic, per route; the slowest route decides.

  @AT-PERF-AVAILABILITY
  Scenario: The entry answers 999 of 1000 probes
    When "everyday" traffic has run
    Then the uptime of the entry is at least 99.9 % in the steady state

  @AT-TGT-PERFORMANCE
  Scenario: Half of the requests are answered within 873 ms, on every route
    When "everyday" traffic has run
    Then the response time p50 of every route is below 873 ms in the steady state

  @AT-PERF-P95
  Scenario: 95 of 100 requests are answered within 1000 ms, on every route
    When "everyday" traffic has run
    Then the response time p95 of every route is below 1000 ms in the steady state

  @AT-PERF-USERS
  Scenario: More than 100 users at once are served as quickly
    When "everyday" traffic has run
    Then the response time p95 of every route is below 1000 ms with 101 users at once for 10 min

  @AT-PERF-DB
  Scenario: 95 of 100 runs of every database query take less than 500 ms
    When the query statistics of the database have been read under "everyday" traffic
    Then the response time p95 of every database query is below 500 ms in the steady state

  @AT-PERF-DB @profile-rollout
  Scenario: No query of a release that takes over is slower than that
    When the rollout "blue-green" has run under "visits" traffic
    Then the response time p95 of every database query is below 500 ms after the switch

  @AT-PERF-UPTIME
  Scenario: Production was available for 99.9 % of a month
    When the Prometheus query "availability" has been asked
    Then at least 99.9 % of the last 30 d was available
