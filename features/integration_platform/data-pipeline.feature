Feature: Data pipeline
  Old records are archived and not lost; who connects to the stores, as the log of connections has it.

  @IP-DATA-ARCHIVE
  Scenario: What is archived reads back as it was
    When the deployed platform has been inspected
    Then every archived record of requests reads back with the checksum it had before, 0 differences

  @IP-DATA-ACCESS
  Scenario: Only the data access layer connects to the stores
    When the log of connections has been read under "everyday" traffic
    Then no workload outside the data access layer is connected to a store in the steady state
