Feature: Data rollback
  What a release changed in the database is taken back with it.

  @AT-RBK-DATA
  Scenario: The data is as it was before the release
    When the deployed platform has been inspected
    Then every table has the checksum it had before the release after the data rollback
