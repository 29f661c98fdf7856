Feature: Alerts
  What the platform's alert rules promise, as Prometheus has them and as they fire.

  @DA-ALR-SEVERITY
  Scenario: Both alerts are critical
    When the deployed platform has been inspected
    Then the alert rules "HighErrorRate" and "DatabaseDown" carry severity critical

  @DA-ALR-DB
  Scenario: The database's silence is told, and nothing else is taken for it
    When the experiment "database-primary-loss" has run under "everyday" traffic
    Then the alert "DatabaseDown" fires within 3 min of the database's silence and is silent in the steady state

  @DA-ALR-RESOLVE
  Scenario: What fired is resolved once the platform is well again
    When every experiment of domain database or node has run under "everyday" traffic
    Then every alert that fired is resolved within 10 min after the recovery

  @DA-ALR-DELIVERY
  Scenario: What fires is told at once
    When every experiment of domain database or node has run under "everyday" traffic
    Then every alert that fired reached its receiver within 1 min

  @DA-ALR-ERRORS
  Scenario: A tenth of the answers is told, a few are not
    When the experiment "errors-10" has run under "everyday" traffic
    And the experiment "errors-3" has run under "everyday" traffic
    Then the alert "HighErrorRate" fires within 12 min at 10 % failed answers and is silent for 12 min at 3 %

  @DA-ALR-TEXT
  Scenario: The alert says how many fail
    When the experiment "errors-10" has run under "everyday" traffic
    Then the rate in the text of "HighErrorRate" is within 2 points of the 10 % that failed

  @DA-ALR-DB-TEXT
  Scenario: The alert says which database is down, and for how long
    When the experiment "database-primary-loss" has run under "everyday" traffic
    Then the text of "DatabaseDown" names the database and for how long it has been down, within 30 s
