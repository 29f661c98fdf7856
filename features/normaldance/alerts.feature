Feature: Alerts
  What the platform's alert rules promise, as Prometheus has them and as they fire.

  @DA-ALR-SEVERITY
  Scenario: Both alerts are critical
    When the deployed platform has been inspected
    Then the rules "HighErrorRate" and "DatabaseDown" carry severity critical
