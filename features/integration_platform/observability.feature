Feature: Observability
  What the metrics of every service and the dashboards made of them show while the platform is used.

  @IP-OBS-METRICS
  Scenario: Every service exposes count, errors and duration of its requests
    When the deployed platform has been inspected
    Then the request count, errors and duration of every service are exposed and at most 15 s old

  @IP-OBS-PROFILES
  Scenario: Every service says where its CPU time goes
    When "everyday" traffic has run
    Then a CPU profile of 30 s was obtained from every service under "everyday" traffic

  @IP-OBS-DASHBOARDS
  Scenario: Every panel of every dashboard has data
    When the deployed platform has been inspected
    Then every panel of every dashboard has data younger than 60 s in the steady state

  @IP-OBS-ALERTS
  Scenario: A notice arrives soon
    When every experiment of domain database or node has run under "everyday" traffic
    Then every alert that fired reached its receiver within 60 s

  @IP-OBS-ALERTS-GROUP
  Scenario: One fault is no storm of notices
    When every experiment of domain database or node has run under "everyday" traffic
    Then one fault sends at most 3 notices and the first names the part that failed
