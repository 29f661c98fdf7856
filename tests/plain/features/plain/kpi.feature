Feature: A plain service keeps its figures

  @PL-P95
  Scenario: 95 of 100 requests are answered within 200 ms
    When "browse" traffic has run
    Then the response time p95 of every route is below 200 ms in the steady state

  @PL-ERRORS
  Scenario: Fewer than 2 in 100 requests fail
    When "browse" traffic has run
    Then the error rate is below 2 % in the steady state

  @PL-UPTIME
  Scenario: The entry answers 99 of 100 probes
    When "browse" traffic has run
    Then the uptime of the entry is at least 99 % in the steady state
