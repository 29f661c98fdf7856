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

  @DA-GEO-TERTIARY-WRITES
  Scenario: A region without a database accepts writes for the others
    When the deployed platform has been inspected
    Then every write accepted by ap-southeast-1 is readable in us-east-1 within 5 s

  @DA-GEO-PRIMARY-CLUSTER
  Scenario: The primary region holds every workload
    When the deployed platform has been inspected
    Then every workload of region us-east-1 has ready share at least 100 % in the steady state

  @DA-GEO-PRIMARY-DB
  Scenario: The primary region holds the primary of the database
    When the deployed platform has been inspected
    Then the database has its primary in us-east-1 in the steady state

  @DA-GEO-SECONDARY-DB
  Scenario: The secondary region holds a copy of the database
    When the deployed platform has been inspected
    Then the database has at least 1 member in eu-west-1 that streams from the primary and refuses writes in the steady state
