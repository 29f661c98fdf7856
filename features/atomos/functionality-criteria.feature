Feature: The functionality criteria of the staged integration
  A core operation is one that the target file names; its description is the API description of the entry.

  @AT-FUN-CORE
  Scenario: Every core operation answers as its description says
    When the deployed platform has been inspected
    Then every core operation was called and answered as its description says
