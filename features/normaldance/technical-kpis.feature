Feature: The platform keeps its figures while nothing is broken
  The technical KPIs of the integration strategy, judged on the fault-free windows of the everyday traffic.
  Latencies are counted from the moment a request was due, not from when it was sent.

  @ND-KPI-P95
  Scenario: 95 of 100 requests are answered within 200 ms, on every route
    When "everyday" traffic has run
    Then the response time p95 of every route is below 200 ms in the steady state

  @ND-KPI-ERRORS
  Scenario: Fewer than 1 in 1000 requests fail
    When "everyday" traffic has run
    Then the error rate is below 0.1 % in the steady state

  @ND-KPI-UPTIME
  Scenario: The entry answers 999 of 1000 probes
    When "everyday" traffic has run
    Then the uptime of the entry is at least 99.9 % in the steady state

  @ND-KPI-PIPELINE
  Scenario: 995 of 1000 events are delivered in time
    When "everyday" traffic has run
    Then the share of accepted events delivered whole within 30 s is at least 99.5 % in the steady state

  @ND-KPI-P95 @profile-quick
  Scenario: 95 of 100 requests are answered within 200 ms, on every route, in half a minute
    When "quick" traffic has run
    Then the response time p95 of every route is below 200 ms in the steady state

  @ND-KPI-UPTIME @profile-quick
  Scenario: The entry answers 999 of 1000 probes in half a minute
    When "quick" traffic has run
    Then the uptime of the entry is at least 99.9 % in the steady state
