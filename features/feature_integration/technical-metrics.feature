Feature: Technical metrics
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  @FI-MET-DETECT
  Scenario: Guessed passwords raise the alert within half a minute
    When the deployed platform has been inspected
    Then each of 5 planted bursts of wrong passwords raises the security alert in less than 30 s
