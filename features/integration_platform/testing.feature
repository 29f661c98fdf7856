Feature: Testing
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-QA-UNIT
  Scenario: Every integration point passed a test
    When the JUnit report "integration-points" of this commit has been read
    Then at least 1 test for every name of the register "integration-points" passed and none failed

  @IP-QA-E2E
  Scenario: Every workflow passed a test
    When the JUnit report "workflows" of this release has been read
    Then at least 1 test for every name of the register "workflows" passed and none failed

  @IP-QA-SECURITY
  Scenario: The dynamic scan of this release left nothing severe open
    When the SARIF report "dynamic" of this release has been read
    Then no finding of severity high or higher is open

  @IP-QA-UAT
  Scenario: The whole acceptance suite passed
    When the JUnit report "acceptance" of this release has been read
    Then at least 1 test passed and none failed or was skipped

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement   | what              | role          | age  |
      | IP-QA-PENTEST | penetration tests | security-lead | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                                 | parts                                                                                                          |
      | IP-QA-CHAOS | fault tolerance and resilience tests | IP-PAT-BREAKER, IP-PAT-RETRY, IP-PAT-EVENTS, IP-DB-DURABLE, IP-DB-REDIS, IP-BP-COUPLING and IP-BP-DEGRADE pass |
