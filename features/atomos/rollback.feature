Feature: Rollback
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-RBK-COMMS
  Scenario: A rollback is told, with release, cause and time
    When the rollout "reported" has run under "census" traffic
    Then a notice with release, cause and time goes out within 15 min of every rollback

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
    When the rollout "blue-green" has run under "census" traffic
    Then every request is served by the old release within 5 min of the one documented command, under traffic

  @AT-RBK-AUTO
  Scenario: A bad release is taken back by no hand
    When the rollout "bad-canary" has run under "census" traffic
    Then every request is served by the old release within 5 min of the trigger, by no hand
