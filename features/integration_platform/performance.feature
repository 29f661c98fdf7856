Feature: Performance
  Shares of the work are counted by the pod that answered, and a dead pod is forgotten by what still asks for it.

  @IP-PERF-BALANCE
  Scenario: Every replica has its share of the work
    When "everyday" traffic has run
    Then every ready replica serves between 0.8 and 1.2 of an equal share in the steady state

  @IP-PERF-POOL
  Scenario: Connections to the database are kept and used again
    When the log of connections has been read under "everyday" traffic
    Then every service opens less than 1 database connection per 100 requests in the steady state

  @IP-PERF-BALANCE-FAILOVER
  Scenario: No request is sent to a dead replica
    When the experiment "pod-loss" has run under "everyday" traffic
    Then no request is sent to a killed pod later than 10 s after its death

  @IP-PERF-LIMIT
  Scenario: Calls over the declared rate are refused
    When the deployed platform has been inspected
    Then at least 95 % of the calls over the declared rate got 429 with Retry-After during the burst

  @IP-PERF-RESOURCES
  Scenario: Every pod keeps away from its limits
    When "everyday" traffic has run
    Then the memory and CPU of every pod stay below 80 % of their limits in the steady state

  @IP-PERF-CACHE
  Scenario: The cache answers half of what it is asked
    When "everyday" traffic has run
    Then every declared cache layer answers at least 50 % of its lookups in the steady state

  @IP-PERF-CACHE-FRESH
  Scenario: What was written is read, once the time to live is over
    When the deployed platform has been inspected
    Then no read is older than its declared time to live after the write
