Feature: The cache of the regions
  What the deployment architecture and the integration strategy expect of it.

  @DA-AWS-REDIS
  Scenario: Every region has a cache that keeps what it is given
    When the deployed platform has been inspected
    Then the cache of every region that declares one answers and returns a key 1 s after it was written
