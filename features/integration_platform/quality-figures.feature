Feature: The quality figures of the integration documentation
  The document names the figures and no limit; the limits are this catalogue's interpretation.

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
