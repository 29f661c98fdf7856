Feature: Rollback
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-RBK-COVERAGE
  Scenario: There is a procedure for every failure
    When the files of the platform have been read
    Then every trigger and every listed risk names a rollback procedure that exists
