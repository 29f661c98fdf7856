Feature: A region may be lost, and the others take over
  Recovery runs from the moment the fault was sent to reads and writes served again at the entry, each on its own.
  What comes back only because the fault was undone has not recovered.

  @DA-GEO-LOSS-PRIMARY
  Scenario: The primary region is lost and the others take over
    When the experiment "region-loss" has run under "everyday" traffic
    Then reads and writes are served again within 50 s of the loss of us-east-1

  Scenario Outline: <region> is lost and the others take over
    When the experiment "<experiment>" has run under "everyday" traffic
    Then reads and writes are served again within 30 s of the loss of <region>

    Examples:
      | requirement           | experiment            | region         |
      | DA-GEO-LOSS-SECONDARY | region-loss-secondary | eu-west-1      |
      | DA-GEO-LOSS-TERTIARY  | region-loss-tertiary  | ap-southeast-1 |

  @DA-GEO-RETURN
  Scenario: A lost region takes its share again
    When the experiment "region-loss" has run under "everyday" traffic
    And the experiment "region-loss-secondary" has run under "everyday" traffic
    And the experiment "region-loss-tertiary" has run under "everyday" traffic
    Then the share of every region is within 5 points of the declared one 50 s after the return

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                  | parts                                                                                   |
      | DA-GEO-LOSS | losing any one region | DA-GEO-LOSS-PRIMARY, DA-GEO-LOSS-SECONDARY, DA-GEO-LOSS-TERTIARY and DA-GEO-RETURN pass |
