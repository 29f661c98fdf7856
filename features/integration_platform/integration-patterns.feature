Feature: Integration patterns
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-MGR-PATTERN
  Scenario: Every integration follows a pattern
    When the files of the platform have been read
    Then every integration's configuration names one of the five patterns

  @IP-MGR-SECURITY
  Scenario: Every integration is secured
    When the files of the platform have been read
    Then every integration's configuration names its authentication method and its scopes

  @IP-MGR-ERRORS
  Scenario: Every integration handles errors
    When the files of the platform have been read
    Then every integration's configuration names its timeout, its retries and its fallback

  @IP-MGR-TESTING
  Scenario: Every integration is tested
    When the files of the platform have been read
    Then every integration names at least one contract test that ran in the last pipeline

  @IP-PAT-GATEWAY
  Scenario: No way leads around the gateway
    When the deployed platform has been inspected
    Then every service is reached through "api-gateway" and none answers a call from outside that goes around it

  @IP-PAT-SYNC
  Scenario: A copy that was cut off catches up
    When the experiment "network-partition" has run under "everyday" traffic
    Then both copies are equal row by row within 60 s after a partition heals
