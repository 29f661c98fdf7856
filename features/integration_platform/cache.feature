Feature: The cache
  A cluster of servers that speak the Redis protocol, as the servers themselves, their counts and the routes that read through them show it.

  @IP-DB-REDIS-MEMORY
  Scenario: No server of the cache takes more memory than it may
    When "everyday" traffic has run
    Then the cache has a memory limit and an eviction policy and stays below the limit in the steady state

  @IP-DB-REDIS-CLUSTER
  Scenario: The cache outlives any one of its nodes
    When the deployed platform has been inspected
    Then every hash slot is served and each of at least 3 primaries has a replica on another node

  @IP-DB-REDIS-PUBSUB
  Scenario: Messages reach whoever listens
    When "everyday" traffic has run
    Then every message published reaches every subscriber within 1 s in the steady state

  @IP-DB-REDIS-CACHE
  Scenario: The cache answers at once
    When "everyday" traffic has run
    Then the response time p95 of cache reads is below 10 ms in the steady state

  @IP-PERF-CACHE
  Scenario: The cache answers half of what it is asked
    When "everyday" traffic has run
    Then every declared cache layer answers at least 50 % of its lookups in the steady state

  @IP-PERF-CACHE-FRESH
  Scenario: What was written is read, once the time to live is over
    When the deployed platform has been inspected
    Then no read is older than its declared time to live after the write

  @IP-SCALE-CACHE
  Scenario: All replicas of a service share one cache
    When the deployed platform has been inspected
    Then a value cached through one replica is a hit through every other within 5 s
