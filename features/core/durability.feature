Feature: What was acknowledged is kept
  A ledger of numbered writes runs beside the traffic; after each fault it is compared with the database itself.

  @ND-RISK-DATALOSS
  Scenario: No pod, node or network fault loses a write
    When every experiment of domain pod, node or network has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain pod, node or network

  @DA-DR-RPO
  Scenario: No disaster loses a write older than the RPO
    When every disaster experiment has run under "everyday" traffic
    Then no acknowledged write older than 1 h is lost in any disaster experiment

  @DA-DR-REPLICATION
  Scenario: The replicas follow the primary closely
    When "everyday" traffic has run
    Then the replication lag p99 of every replica is below 10 s in the steady state
