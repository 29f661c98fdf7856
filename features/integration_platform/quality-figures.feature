Feature: The quality figures of the integration documentation
  The document names the figures and no limit; the limits are this catalogue's interpretation.

  @IP-Q-AVAILABILITY
  Scenario: The entry answers 999 of 1000 probes
    When "everyday" traffic has run
    Then the uptime of the entry is at least 99.9 % in the steady state

  @IP-Q-PERFORMANCE
  Scenario: 95 of 100 requests are answered within 500 ms, on every route
    When "everyday" traffic has run
    Then the response time p95 of every route is below 500 ms in the steady state

  @IP-Q-ERRORS
  Scenario: No route fails 1 in 100 requests
    When "everyday" traffic has run
    Then the error rate of every route is below 1 % in the steady state

  @IP-Q-CONSISTENCY
  Scenario: Every region reads what was written
    When "everyday" traffic has run
    Then every acknowledged write is read back equal in every region

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                           | parts                                                                                         |
      | IP-Q-COMPLIANCE | security compliance audited    | IP-SEC-METHODS, IP-SEC-TLS13, IP-SEC-ROTATION, IP-SEC-RBAC, IP-SEC-AUDIT and IP-SEC-DATA pass |
      | IP-Q-REPORT     | quality report of five figures | IP-Q-AVAILABILITY, IP-Q-PERFORMANCE, IP-Q-ERRORS, IP-Q-CONSISTENCY and IP-Q-COMPLIANCE pass   |
