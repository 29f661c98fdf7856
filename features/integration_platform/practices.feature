Feature: Good practice shows in what the platform does
  Each write carries a key of its own and may be sent again; the database is asked how often it is there, and each operation is sent twice.

  @IP-BP-IDEMPOTENT
  Scenario: A write that is sent again is there once, at every operation
    When "everyday" traffic has run
    And the deployed platform has been inspected
    Then every acknowledged write is there once and the calls cover every write operation

  @IP-BP-DEPTH
  Scenario: The other layers refuse what one no longer does
    When the deployed platform has been inspected
    Then every foreign call is refused with any one of token check, network policy and database role off

  @IP-BP-DEFAULTS
  Scenario: A workload that nobody has configured lets nobody in
    When the deployed platform has been inspected
    Then a workload started without settings refuses anonymous calls and default passwords

  @IP-BP-COUPLING
  Scenario: Routes that do not need a service go on while it is gone
    When every experiment of domain service has run under "everyday" traffic
    Then the error rate of routes that do not need a service is below 1 % while it is gone, each in turn

  @IP-BP-AUDITS
  Scenario: The newest audit is of this quarter, and nothing critical is open
    When the record "audits" of this target has been read
    Then no finding of severity critical or higher is open and the newest audit is younger than 90 d

  @IP-BP-SCANS
  Scenario: Yesterday's scan of this commit left nothing severe open
    When the SARIF report "security" of this commit has been read
    Then no finding of severity high or higher is open, younger than 1 d

  @IP-BP-SCANS-AUTO
  Scenario: Vulnerabilities are searched for on every push
    When the files of the platform have been read
    Then the workflow runs the vulnerability scan on every push and stops on its findings
