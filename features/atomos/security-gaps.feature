Feature: Security gaps
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-GAP-BYPASS
  Scenario: No setting switches authentication off
    When the deployed platform has been inspected
    Then every workload has bypass switches at most 0
