Feature: The platform comes back by itself when something breaks
  Recovery runs from the moment the fault was sent to reads and writes served again at the entry, each on its own.
  What comes back only because the fault was undone has not recovered.

  @ND-PH1-DISCOVERY
  Scenario: New pods are found and dead ones forgotten
    When the experiment "pod-loss" has run under "everyday" traffic
    Then a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s

  @AT-STB-RECOVERY
  Scenario: Any single fault is over for the users within 30 s
    When every single-fault experiment has run under "everyday" traffic
    Then the recovery of reads and of writes is below 30 s after every single-fault experiment

  @DA-DR-FAILOVER
  Scenario: A replica takes over from a dead primary without a hand
    When the experiment "database-primary-loss" has run under "everyday" traffic
    Then writes are served again within 45 s of the primary's death with 0 manual steps

  @DA-DR-RTO
  Scenario: The loss of the primary or of a region is over within the RTO
    When every experiment of domain database or region has run under "everyday" traffic
    Then reads and writes are served again within 4 h of every fault of domain database or region
