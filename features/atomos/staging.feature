Feature: Staging
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-STG-DATABASE
  Scenario: Staging has a tenth of production's rows
    When the deployed platform has been inspected
    Then every table of staging has at least 10 % of production's rows at the same schema version

  @AT-STG-MASKING
  Scenario: Staging knows nobody of production by name
    When the deployed platform has been inspected
    Then every table of staging has 0 unmasked personal values of production

  @AT-STG-AUTH
  Scenario: Only the declared issuer is trusted
    When the deployed platform has been inspected
    Then every call of a foreign issuer was refused with 401 and the calls cover every protected operation

  @AT-STG-FUNCTIONAL
  Scenario: Every core feature passed a test on staging
    When the JUnit report "features" of this release has been read
    Then at least 1 test for every name of the register "core-features" passed in staging and none failed

  @AT-STG-INTEGRATION
  Scenario: Every workflow passed a test on staging
    When the JUnit report "workflows" of this release has been read
    Then at least 1 test for every name of the register "workflows" passed in staging and none failed

  @AT-VEC-PRODUCTION
  Scenario: A run in staging of this release decided GO
    When the verdict "staging" of this release has been read
    Then the decision of the run in staging is GO, younger than 7 d

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                                    | parts                                                                                                                                 |
      | AT-STG-SECURITY | authentication, authorisation validated | AT-GAP-AUTH, AT-GAP-ACCESS, AT-SEC-JWT, AT-SEC-RBAC, AT-SEC-SESSION and AT-STG-AUTH pass                                              |
      | AT-VEC-STAGING  | vector 1: development to staging        | AT-STG-CONFIG, AT-STG-DATABASE, AT-STG-MONITORING, AT-STG-FUNCTIONAL, AT-STG-PERFORMANCE, AT-STG-SECURITY and AT-STG-INTEGRATION pass |

  @AT-STG-CONFIG
  Scenario: Staging is configured like production
    When the files of the platform have been read
    Then the settings of staging and production differ in the declared keys only
