Feature: Retention
  Data is kept for as long as the policy says, and no longer.

  @IP-SEC-RETENTION
  Scenario: Old rows are removed
    When the deployed platform has been inspected
    Then no row is older than its table's declared retention by more than 1 d, and every table declares one
