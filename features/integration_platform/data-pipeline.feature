Feature: Data pipeline
  Who connects to the stores, as the log of connections has it.

  @IP-DATA-ACCESS
  Scenario: Only the data access layer connects to the stores
    When the log of connections has been read under "everyday" traffic
    Then no workload outside the data access layer is connected to a store in the steady state
