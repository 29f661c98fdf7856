Feature: Business metrics
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: <relation> its <reference>
    When the figures "business" of this target have been read
    Then the figure "<figure>" is <relation> its <reference>, younger than 90 d

    Examples:
      | requirement     | what                       | figure                 | relation | reference |
      | FI-BIZ-TTM      | Time to market             | time_to_market_days    | at most  | baseline  |
      | FI-BIZ-COST     | Cost of a transaction      | cost_per_transaction   | at most  | baseline  |
      | FI-BIZ-VALUE    | Value of combined features | combined_feature_value | at least | target    |
      | FI-BIZ-ADOPTION | Adoption of capabilities   | adoption_percent       | at least | target    |

  @FI-BIZ-INNOVATION
  Scenario: As many combined features a quarter as before, or more
    When the figures "business" of this target have been read
    Then the figure "combined_features_per_quarter" is at least its baseline
