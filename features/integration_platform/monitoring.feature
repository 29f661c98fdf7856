Feature: Monitoring
  What the platform's own metrics say, held against what its users met.

  @IP-MONITOR-PERFORMANCE
  Scenario: The metrics say how quickly and how often requests are answered
    When the metrics of every service have been read under "everyday" traffic
    Then the exposed p95 and requests per second are within 10 % of those measured from the traffic
