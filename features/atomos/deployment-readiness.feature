Feature: Deployment readiness
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-ENV-CONFIG
  Scenario: Settings are those of their environment
    When the files of the platform have been read
    Then the settings of every workload in every environment are declared there and none names another one

  @AT-ENV-SECRETS
  Scenario: No secret is readable where it must not be
    When "everyday" traffic has run
    Then no secret value is found in a manifest, a literal environment value or a log line

  @AT-ENV-ASSETS
  Scenario: Every page is light, and its assets may be kept
    When the deployed platform has been inspected
    Then the assets of every page are compressed, named by hash and below 500 kB together
