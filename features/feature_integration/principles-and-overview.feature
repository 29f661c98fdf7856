Feature: Principles and overview
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement         | what                       | parts                                                 |
      | FI-OVERVIEW-UNIFIED | cohesive, not in isolation | FI-MET-XTX, FI-IBE-CHAIN and FI-ROAD-4-ANALYTICS pass |
