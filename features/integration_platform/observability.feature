Feature: Observability
  What the metrics of every service and the dashboards made of them show while the platform is used.

  @IP-OBS-METRICS
  Scenario: Every service exposes count, errors and duration of its requests
    When the deployed platform has been inspected
    Then the request count, errors and duration of every service are exposed and at most 15 s old

  @IP-OBS-DASHBOARDS
  Scenario: Every panel of every dashboard has data
    When the deployed platform has been inspected
    Then every panel of every dashboard has data younger than 60 s in the steady state
