Feature: Rollback
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-RBK-COMMS
  Scenario: A rollback is told, with release, cause and time
    When the rollout "reported" has run under "census" traffic
    Then a notice with release, cause and time goes out within 15 min of every rollback

  @AT-TRG-LATENCY
  Scenario: A release that is slow is taken back
    When the rollout "slow-at-once" has run under "census" traffic
    Then the rollback starts within 30 s after 5 min of the new release's p95 above 2000 ms

  @AT-TRG-LATENCY-QUIET
  Scenario: A release that is slow for a short time, or not slow enough, is left alone
    When the rollout "uneasy" has run under "census" traffic
    Then no rollback starts after 4 min of the new release's p95 above 2000 ms nor after 10 min at 1800 ms

  @AT-TRG-ERRORS
  Scenario: A release that fails is taken back
    When the rollout "failing-at-once" has run under "census" traffic
    Then the rollback starts within 30 s after 3 min of the new release's error rate above 5 %

  @AT-TRG-ERRORS-QUIET
  Scenario: A release that fails for a short time, or seldom enough, is left alone
    When the rollout "uneasy" has run under "census" traffic
    Then no rollback starts after 2 min of the new release's error rate above 5 % nor after 6 min at 3 %

  @AT-TRG-MEMORY-QUIET
  Scenario: A release that fills its memory for a short time, or not enough, is left alone
    When the rollout "uneasy" has run under "census" traffic
    Then no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %

  @AT-TRG-MEMORY
  Scenario: A release that fills its memory is taken back
    When the rollout "leaking" has run under "census" traffic
    Then the rollback starts within 30 s after 10 min of one new pod above 80 % of its limit

  @AT-TRG-USERS
  Scenario: A critical report of a user takes a release back
    When the rollout "reported" has run under "census" traffic
    Then the rollback starts within 60 s after a critical report on the new release is recorded

  @AT-TRG-USERS-QUIET
  Scenario: A minor report, and one on the old release, take nothing back
    When the rollout "mildly-reported" has run under "census" traffic
    Then no rollback starts after a minor report on the new release nor after a critical one on the old

  @AT-RBK-COVERAGE
  Scenario: There is a procedure for every failure
    When the files of the platform have been read
    Then every trigger and every listed risk names a rollback procedure that exists

  @AT-RBK-MANUAL
  Scenario: The way back by one command
    When the rollout "there-and-back" has run under "visits" traffic
    Then every request is served by the old release within 5 min of the one documented command, under traffic

  @AT-RBK-AUTO
  Scenario: A bad release is taken back by no hand
    When the rollout "bad-canary" has run under "census" traffic
    Then every request is served by the old release within 5 min of the trigger, by no hand

  @AT-RBK-DATA
  Scenario: The data is as it was before the release
    When the deployed platform has been inspected
    Then every table has the checksum it had before the release after the data rollback
