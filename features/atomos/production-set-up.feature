Feature: Production set-up
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-PROD-SERVER
  Scenario: Every workload survives the loss of a node, within its limits
    When the deployed platform has been inspected
    Then every workload has ready replicas at least 2, nodes at least 2 and resources stated

  @AT-PROD-DATABASE
  Scenario: The database is configured as declared
    When the deployed platform has been inspected
    Then the database has the declared settings and 1 synchronous standby

  @AT-PROD-LB
  Scenario: Every replica has its share of the work
    When "everyday" traffic has run
    Then every ready replica serves between 0.8 and 1.2 of an equal share in the steady state

  @AT-PROD-MON-APPLICATION
  Scenario: A service says so itself when it cannot do its work
    When the experiment "database-primary-loss" has run under "everyday" traffic
    Then the health of every service reads failing within 10 s during the fault

  @AT-PROD-MON-PERFORMANCE
  Scenario: The metrics say how quickly and how often requests are answered
    When the metrics of every service have been read under "everyday" traffic
    Then the metrics show a p95 and requests per second within 10 % of what the traffic measured

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement        | what                                  | parts                                                                                              |
      | AT-PROD-MONITORING | production monitoring, all four items | AT-PROD-MON-APPLICATION, AT-PROD-MON-PERFORMANCE, AT-PROD-MON-ERRORS and AT-PROD-MON-BUSINESS pass |
