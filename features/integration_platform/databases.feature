Feature: Databases
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-DB-DURABLE
  Scenario: The primary database dies and no acknowledged write is lost
    When every experiment of domain database has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain database

  @IP-DB-POOL
  Scenario: A burst over the connection pool is answered or refused, never left waiting
    When the deployed platform has been inspected
    Then every request over the pool's size is answered or refused with 503 within 5 s during the burst

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                           | parts                                                                                                                         |
      | IP-DB-POSTGRES | primary database, all features | IP-DB-ATOMIC, IP-DB-CONSISTENT, IP-DB-ISOLATED, IP-DB-DURABLE, IP-DB-JSON, IP-DB-FULLTEXT, IP-DB-REPLICAS and IP-DB-POOL pass |

  @IP-DB-REDIS
  Scenario: A primary of the cache dies and a replica takes over
    When the experiment "cache-primary-loss" has run under "everyday" traffic
    Then reads and writes of the cache are served again within 30 s of its primary's death

  @IP-DB-REDIS-SESSION
  Scenario: A node of the cache or a pod dies and everybody stays signed in
    When the experiment "cache-primary-loss" has run under "everyday" traffic
    And the experiment "pod-loss" has run under "everyday" traffic
    And the experiment "sign-in-pod-loss" has run under "everyday" traffic
    Then no signed-in user is signed out after a cache node or a service pod was killed

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
