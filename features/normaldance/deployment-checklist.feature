Feature: The deployment checklist is ticked by what was measured
  Before, at and after the deployment. A check that fails is asked twice more.

  @ND-DEP-HEALTH
  Scenario: Every pod of every service is healthy
    When the deployed platform has been inspected
    Then the health path of every pod of every service in every region answers 200 within 1 s

  Scenario Outline: The <suite> tests of this commit passed
    When the JUnit report "<suite>" of this commit has been read
    Then at least 1 test passed and none failed, younger than 7 d

    Examples:
      | requirement              | suite       |
      | ND-PRE-TESTS-UNIT        | unit        |
      | ND-PRE-TESTS-INTEGRATION | integration |
      | ND-PRE-TESTS-E2E         | e2e         |

  @ND-PRE-SCAN
  Scenario: No severe finding is open in the code of this commit
    When the SARIF report "security" of this commit has been read
    Then no finding of severity 7.0 or higher is open, younger than 7 d

  @ND-PRE-DOCS
  Scenario: Every link of the documentation leads somewhere, and it changed with the release
    When the JUnit report "links" of this commit has been read
    Then at least 1 test passed and none failed, with the property "documents_changed_since_last_release" of at least 1

  @ND-POST-UAT
  Scenario: The acceptance tests of this release passed
    When the JUnit report "acceptance" of this release has been read
    Then at least 1 test passed and none failed

  @ND-DEP-ALERTS
  Scenario: The alerts are configured and evaluate
    When the deployed platform has been inspected
    Then the alert rules "HighErrorRate" and "DatabaseDown" are loaded in every region and every rule there evaluates without error

  @ND-DEP-DNS
  Scenario: Every public name leads to the platform
    When the deployed platform has been inspected
    Then every public name resolves to its declared addresses with a TTL of at most 60 s

  @ND-PRE-ROLLBACK
  Scenario: The way back by hand is quick
    When the rollout "blue-green" has run under "visits" traffic
    Then 100 % of the answers are served by the previous release within 30 s of a rollback by hand

  @ND-DEP-BLUEGREEN
  Scenario: No request fails for the switch
    When the rollout "blue-green" has run under "visits" traffic
    Then no request fails within 10 s of the switch and the switch back

  @ND-DEP-LB
  Scenario: Everybody is answered by the new release
    When the rollout "blue-green" has run under "visits" traffic
    Then 100 % of the answers are served by the new release within 10 s of the switch

  @ND-POST-DOCS
  Scenario: The documentation is that of the release
    When the deployed platform has been inspected
    Then the documentation address answers 200 and names this version within 24 h of the switch

  @ND-POST-PERF
  Scenario: The new release is fast
    When the rollout "blue-green" has run under "visits" traffic
    Then the response time p95 of every route is below 200 ms after the switch

  @ND-POST-ERRORS
  Scenario: The new release fails nothing
    When the rollout "blue-green" has run under "visits" traffic
    Then the error rate is below 0.1 % after the switch

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                       | parts                                                                             |
      | ND-CHECK-PRE     | pre-deployment checklist   | ND-PRE-TESTS, ND-PRE-SCAN, ND-PRE-BENCH, ND-PRE-DOCS and ND-PRE-ROLLBACK pass     |
      | ND-CHECK-DEPLOY  | deployment checklist       | ND-DEP-BLUEGREEN, ND-DEP-HEALTH, ND-DEP-ALERTS, ND-DEP-LB and ND-DEP-DNS pass     |
      | ND-CHECK-POST    | post-deployment checklist  | ND-POST-PERF, ND-POST-ERRORS, ND-POST-UAT, ND-POST-DOCS and ND-POST-TRAINING pass |
      | ND-PRE-TESTS     | all tests passing          | ND-PRE-TESTS-UNIT, ND-PRE-TESTS-INTEGRATION and ND-PRE-TESTS-E2E pass             |
      | ND-PRE-BENCH     | performance benchmarks met | ND-KPI-P95, ND-KPI-ERRORS and ND-KPI-PIPELINE pass                                |
      | ND-POST-TRAINING | team training completed    | ND-TRN-DEV and ND-TRN-OPS pass                                                    |
