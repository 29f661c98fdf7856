Feature: A disaster is over within its objectives, and what was acknowledged is kept
  RTO and RPO are held against the loss of the primary database, of a region, and of all members of the database.
  Acknowledged writes are compared with the database itself, not with what the platform reports.

  @DA-DR-RTO
  Scenario: Every disaster is over within the RTO
    When every disaster experiment has run under "everyday" traffic
    Then reads and writes are served again within 4 h of every disaster: loss of the primary, a region, all database members

  @DA-DR-RPO
  Scenario: No disaster loses a write older than the RPO
    When every disaster experiment has run under "everyday" traffic
    Then no acknowledged write older than 1 h is lost in any disaster experiment

  @DA-DR-REPLICATION
  Scenario: The replicas follow the primary closely
    When "everyday" traffic has run
    Then the replication lag p99 of every replica is below 10 s in the steady state

  @DA-DR-FAILOVER
  Scenario: A replica takes over from a dead primary without a hand
    When the experiment "database-primary-loss" has run under "everyday" traffic
    Then writes are served again within 45 s of the primary's death with 0 manual steps

  @DA-DR-DRILLS
  Scenario: A disaster was rehearsed in the last 90 days
    When the run history "runs" of this target has been read
    Then a disaster experiment passed, younger than 90 d

  @DA-DR-DB-PROMOTE
  Scenario: Whoever is on call promotes one standby, and it leads
    When the experiment "database-promotion" has run under "everyday" traffic
    Then a promotion ordered by hand leaves the chosen member the only primary within 45 s

  @DA-DR-DB-VERIFY
  Scenario: The promoted standby has every newest row
    When the experiment "database-promotion" has run under "everyday" traffic
    Then after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement          | what                           | role            | age  |
      | DA-DR-DB-NOTIFY      | step 4: notify stakeholders    | product-owner   | 90 d |
      | DA-DR-OUT-COMMS      | step 3: communicate with users | product-owner   | 90 d |
      | DA-DR-OUT-POSTMORTEM | step 4: post-mortem analysis   | operations-lead | 90 d |

  @DA-DR-OUT-SCALE
  Scenario: The regions that remain are quick again
    When the experiment "region-loss" has run under "everyday" traffic
    Then the response time p95 at every remaining region is below 200 ms within 1 h of the loss of a region

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement          | what                             | parts                                                                         |
      | DA-DR-RUNBOOK-DB     | runbook of the database failover | DA-DR-DB-PROMOTE, DA-DR-DB-REPOINT, DA-DR-DB-VERIFY and DA-DR-DB-NOTIFY pass  |
      | DA-DR-RUNBOOK-OUTAGE | runbook of the service outage    | DA-DR-OUT-SCALE, DA-DR-OUT-CDN, DA-DR-OUT-COMMS and DA-DR-OUT-POSTMORTEM pass |

  @DA-DR-BACKUP
  Scenario: A backup can be restored
    When the deployed platform has been inspected
    Then a copy of database restored from the newest backup has equal row counts and checksums for every table
