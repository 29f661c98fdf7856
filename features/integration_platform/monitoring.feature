Feature: Monitoring
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-MONITOR-PERFORMANCE
  Scenario: The metrics tell what users meet
    When "everyday" traffic has run
    Then the exposed p95 and requests per second are within 10 % of those measured from the traffic
