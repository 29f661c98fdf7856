Feature: Principles and overview
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement         | what                       | parts                                                 |
      | FI-OVERVIEW-UNIFIED | cohesive, not in isolation | FI-MET-XTX, FI-IBE-CHAIN and FI-ROAD-4-ANALYTICS pass |

  @FI-UA-DEVOPS
  Scenario: Every component has the same pipeline
    When the files of the platform have been read
    Then every component's pipeline file has the stages build, test, scan, deploy and roll back

  @FI-SI-IAC
  Scenario: The live objects are as the manifests declare them
    When the deployed platform has been inspected
    Then 0 declared fields of the live objects differ from the manifests
