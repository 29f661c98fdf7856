Feature: Monitoring
  What the platform's own metrics say, held against what its users met.

  @IP-MONITOR-PERFORMANCE
  Scenario: The metrics say how quickly and how often requests are answered
    When the metrics of every service have been read under "everyday" traffic
    Then the metrics show a p95 and requests per second within 10 % of what the traffic measured

  @IP-MONITOR-ALERTS
  Scenario: Every rule fires when it must
    When every experiment of domain database or node has run under "everyday" traffic
    And the experiment "memory-growth" has run under "everyday" traffic
    And the experiment "slow-queries" has run under "everyday" traffic
    Then every declared alert rule, "HighErrorRate" and "DatabaseDown" among them, is loaded and fires during the fault it is for

  @IP-MONITOR-ALERTS-QUIET
  Scenario: No rule fires while nothing is wrong
    When "everyday" traffic has run
    Then no alert fires in the steady state

  @IP-MONITOR-SECURITY
  Scenario: Forged tokens raise the alert
    When the deployed platform has been inspected
    Then each of 1 planted bursts of forged tokens raises the security alert within 60 s

  @IP-MONITOR-RESPONSE
  Scenario: Who attacks is refused
    When the deployed platform has been inspected
    Then every call of an attacking client is refused within 60 s of the alert and others are served

  @IP-MONITOR-REPORTS
  Scenario: A report on quality is written every day
    When the deployed platform has been inspected
    Then the newest quality report is younger than 24 h and names the running release
