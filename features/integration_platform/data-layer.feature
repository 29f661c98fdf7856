Feature: Data layer
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-CAP-MONITORING
  Scenario: The services' metrics have every query that the database has
    When "everyday" traffic has run
    Then the count and p95 of every query of every store are exposed and at most 60 s old

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                              | parts                                                      |
      | IP-CAP-UNIFIED   | unified data layer architecture   | IP-DATA-ACCESS and IP-LAND-DATABASE pass                   |
      | IP-CAP-MULTIDB   | multi-database support            | IP-DB-POSTGRES, IP-DB-REDIS and IP-DB-CLICKHOUSE pass      |
      | IP-CAP-REALTIME  | real-time data synchronisation    | IP-DATA-SYNC and IP-PAT-SYNC pass                          |
      | IP-CAP-CACHING   | advanced caching strategies       | IP-PERF-CACHE, IP-PERF-CACHE-FRESH and IP-SCALE-CACHE pass |
      | IP-CAP-INTEGRITY | validation and integrity enforced | IP-DATA-VALIDATE and IP-DB-CONSISTENT pass                 |
