Feature: Phases of the integration
  What each phase of the integration strategy brings, shown on the live platform.

  @ND-PH1-GATEWAY
  Scenario: Every service is reached through the gateway of every region
    When the deployed platform has been inspected
    Then every service is reached through the api-gateway of every region with status 200

  @ND-PH1-DISCOVERY
  Scenario: New pods are found and dead ones forgotten
    When the experiment "pod-loss" has run under "everyday" traffic
    Then a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s

  @ND-PH1-MONITORING
  Scenario: Every pod of every service is scraped
    When the deployed platform has been inspected
    Then every pod of every service is a scrape target and is up in the steady state

  @ND-PH2-SIGNIN
  Scenario: A user signs in, and stays signed in with a new token
    When the deployed platform has been inspected
    Then a user signs in, refreshes the token and is served with the new one, each with status 200

  @ND-PH3-MIGRATION
  Scenario: The database is migrated and taken back without a change of data
    When the deployed platform has been inspected
    Then after the migration forward and back, row count and checksum of every table equal those before

  @ND-PH4-METRICS
  Scenario: Every service exposes its figures
    When the deployed platform has been inspected
    Then every service exposes p50, p95, p99, error rate and requests per second

  @ND-PH2-AUTH
  Scenario: Authentication services refuse
    When the deployed platform has been inspected
    Then every call with a missing, expired, forged or revoked token was refused with 401 and the calls cover every protected operation

  Scenario Outline: Phase <phase> was finished in week <week> at the latest
    When the figures "business" of this target have been read
    Then the figure "phase_<phase>_end_week" is at most <week> weeks

    Examples:
      | requirement    | phase | week |
      | ND-PHASE-1-DUE | 1     | 3    |
      | ND-PHASE-2-DUE | 2     | 6    |
      | ND-PHASE-3-DUE | 3     | 9    |
      | ND-PHASE-4-DUE | 4     | 12   |
      | ND-PHASE-5-DUE | 5     | 15   |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                                                 | parts                                                                                      |
      | ND-PHASE-1       | phase 1, core services, weeks 1 to 3                 | ND-PH1-GATEWAY, ND-PH1-EVENTBUS, ND-PH1-DISCOVERY and ND-PH1-MONITORING pass               |
      | ND-PHASE-2       | phase 2, external APIs, weeks 4 to 6, after phase 1  | ND-PHASE-1, ND-PH2-SOLANA, ND-PH2-IPFS, ND-PH2-PAYMENT, ND-PH2-AUTH and ND-PH2-SIGNIN pass |
      | ND-PHASE-3       | phase 3, data pipeline, weeks 7 to 9, after phase 2  | ND-PHASE-2, ND-PH3-ETL, ND-PH3-MIGRATION, ND-PH3-ANALYTICS and ND-PH3-BACKUP pass          |
      | ND-PHASE-4       | phase 4, analytics, weeks 10 to 12, after phase 3    | ND-PHASE-3, ND-PH4-REALTIME, ND-PH4-BI, ND-PH4-METRICS and ND-PH4-TRACKING pass            |
      | ND-PHASE-5       | phase 5, optimisation, weeks 13 to 15, after phase 4 | ND-PHASE-4, ND-PH5-TUNING, ND-PH5-COST, ND-PH5-HARDENING and ND-PH5-DOCS pass              |
      | ND-PH3-BACKUP    | backup systems                                       | DA-BAK-DB, DA-BAK-REDIS, DA-BAK-IPFS, DA-BAK-CONFIG and DA-DR-BACKUP pass                  |
      | ND-PH5-TUNING    | performance tuning                                   | ND-KPI-P95 and ND-BIZ-PERFORMANCE pass                                                     |
      | ND-PH5-COST      | cost optimisation                                    | ND-BIZ-COST passes                                                                          |
      | ND-PH5-HARDENING | security hardening                                   | ND-PRE-SCAN, ND-RISK-SECURITY, DA-IMG-NONROOT, DA-NET-POLICY and DA-SEC-SECRETS pass       |
      | ND-PH5-DOCS      | documentation                                        | ND-PRE-DOCS, ND-TRN-DOCS and ND-TRN-RUNBOOKS pass                                          |
