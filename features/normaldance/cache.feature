Feature: The cache of the regions
  What the deployment architecture and the integration strategy expect of it.

  @DA-AWS-REDIS
  Scenario: Every region has a cache that keeps what it is given
    When the deployed platform has been inspected
    Then the cache of every region that declares one answers and returns a key 1 s after it was written

  @ND-RISK-CACHING
  Scenario: Nobody notices that the cache is gone
    When the experiment "service-loss-cache" has run under "everyday" traffic
    Then with the cache gone no request fails and the response time p95 is below 1000 ms during the fault
