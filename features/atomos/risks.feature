Feature: Risks
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-RISK-LOW-VARIATION
  Scenario: No ten minutes are much slower than any others
    When "everyday" traffic has run
    Then the response time p50 of any two windows of 10 min differs by at most 30 % in the steady state

  @AT-RISK-AUTH
  Scenario: Without authentication nobody gets in
    When the deployed platform has been inspected
    Then every foreign call is refused while authentication is down for 20 s

  @AT-RISK-LEAK
  Scenario: A pod that grows is told
    When the experiment "memory-growth" has run under "everyday" traffic
    Then the memory alert fires within 10 min of one pod growing by 100 MB

  @AT-RISK-DBPERF
  Scenario: A slow query is told by its name
    When the experiment "slow-queries" has run under "everyday" traffic
    Then the slow query alert names the query within 5 min of its p95 passing 500 ms

  @AT-RISK-DBPERF-ROLLBACK
  Scenario: A release with slow queries is taken back
    When the rollout "slow-queries" has run under "census" traffic
    Then every query p95 is below 500 ms within 10 min of a release with slow queries

  @AT-RISK-AUTH-ROLLBACK
  Scenario: A release to which nobody can sign in is taken back
    When the rollout "refused-sign-ins" has run under "visits" traffic
    Then the rollback starts within 5 min of a release that refuses right sign-ins

  @AT-RISK-CORRUPTION
  Scenario: A migration corrupts no data, neither on its way there nor on its way back
    When the deployed platform has been inspected
    Then after the migration forward and back, row count and checksum of every table equal those before

  @AT-RISK-CORRUPTION-BACKUP
  Scenario: No migration begins without a verified backup
    When the deployed platform has been inspected
    Then the newest backup was at most 1 h old and verified when each migration began

  @AT-RISK-BROWSER
  Scenario: The browser suite passed in 3 engines
    When the JUnit report "browser" of this commit has been read
    Then at least 1 test passed and none failed in 3 browser engines

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement          | what                                           | role            | age  |
      | AT-RISK-LOW-UI       | low: UI inconsistencies: feedback, quick fixes | product-owner   | 90 d |
      | AT-RISK-LOW-ADOPTION | low: adoption: user training and documentation | product-owner   | 90 d |
      | AT-RISK-REGISTER     | all risks have mitigation and owner            | operations-lead | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what               | parts                                                               |
      | AT-RISK-LOW | low risks recorded | AT-RISK-LOW-UI, AT-RISK-LOW-VARIATION and AT-RISK-LOW-ADOPTION pass |
