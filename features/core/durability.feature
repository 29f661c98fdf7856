Feature: What was acknowledged is kept
  A ledger of numbered writes runs beside the traffic; after each fault it is compared with the database itself.

  @ND-RISK-DATALOSS
  Scenario: No pod or node fault loses a write
    When every experiment of domain pod or node has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain pod or node

  @DA-DR-RPO
  Scenario: The loss of the primary or of a region loses no write older than the RPO
    When every experiment of domain database or region has run under "everyday" traffic
    Then no acknowledged write older than 1 h is lost in any experiment of domain database or region

  @DA-DR-REPLICATION
  Scenario: The replicas follow the primary closely
    When "everyday" traffic has run
    Then the replication lag p99 of every replica is below 10 s in the steady state

  @IP-BP-IDEMPOTENT
  Scenario: Every acknowledged write is there once
    When "everyday" traffic has run
    Then every acknowledged write is there once

  @IP-Q-CONSISTENCY
  Scenario: Every region reads what was written
    When "everyday" traffic has run
    Then every acknowledged write is read back equal in every region
