Feature: Aim and fault tolerance
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-AIM-USERS
  Scenario: The platform is built for millions of users
    When "everyday" traffic has run
    Then the entry serves at least 1000 requests/s with a response time p95 below 200 ms in the steady state

  @DA-FT-POD
  Scenario: A pod of each service dies, and no user notices
    When the experiment "each-pod-loss" has run under "everyday" traffic
    Then the error rate is below 0.1 % while one pod of each service is killed in turn

  @DA-FT-NODE
  Scenario: A node dies, and its pods come up elsewhere
    When the experiment "node-loss" has run under "everyday" traffic
    Then every pod of a lost node is ready again elsewhere within 45 s

  @DA-FT-ZONE
  Scenario: Any zone of the primary region dies, and the region serves
    When the experiment "zone-loss-1" has run under "everyday" traffic
    And the experiment "zone-loss-2" has run under "everyday" traffic
    And the experiment "zone-loss-3" has run under "everyday" traffic
    Then reads and writes are served again within 45 s of the loss of any one zone of us-east-1, at its own entry

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                                            | parts                                                                                    |
      | DA-AIM      | high availability, scalability, fault tolerance | ND-KPI-UPTIME, ND-RISK-PERFORMANCE, DA-FT-POD, DA-FT-NODE, DA-FT-ZONE and DA-DR-RTO pass |
