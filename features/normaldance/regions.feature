Feature: Three regions share the traffic
  Shares are counted by the region that served the answer.

  Scenario Outline: <region> serves its declared share of the answers
    When "everyday" traffic has run
    Then the share of answers of region <region> is <share> ± 5 points in the steady state

    Examples:
      | requirement      | region         | share |
      | DA-GEO-PRIMARY   | us-east-1      | 60 %  |
      | DA-GEO-SECONDARY | eu-west-1      | 30 %  |
      | DA-GEO-TERTIARY  | ap-southeast-1 | 10 %  |
