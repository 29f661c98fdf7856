Feature: The functionality criteria of the staged integration
  A core operation is one that the target file names; its description is the API description of the entry.

  @AT-FUN-CORE
  Scenario: Every core operation answers as its description says
    When the deployed platform has been inspected
    Then every core operation was called and answered as its description says

  @AT-TGT-FUNCTIONALITY
  Scenario: Nothing that the last accepted release answered is gone
    When the deployed platform has been inspected
    Then every operation and field of the last accepted release's API is still answered
