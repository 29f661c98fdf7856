Feature: Risks and mitigation
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  @FI-MIT-TESTING
  Scenario: Every boundary passed an integration test
    When the JUnit report "integration" of this commit has been read
    Then at least 1 test for every name of the register "boundaries" passed and none failed, younger than 7 d

  @FI-MIT-INTERFACES
  Scenario: Every interface was scanned, and nothing severe is open
    When the SARIF report "interfaces" of this release has been read
    Then no finding of severity high or higher is open, every name of the register "interfaces" was scanned, younger than 90 d

  @FI-MIT-RUNBOOKS
  Scenario: Every alert leads to a runbook of this release
    When the deployed platform has been inspected
    Then every alert rule names a runbook and 100 % of these addresses answer 200 and name this release
