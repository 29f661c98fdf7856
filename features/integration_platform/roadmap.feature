Feature: Roadmap
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-ROAD-AUTONOMOUS
  Scenario: A killed pod is replaced by no hand
    When the experiment "pod-loss" has run under "everyday" traffic
    Then every killed pod is replaced by a ready one within 60 s with 0 manual steps

  @IP-ROAD-QUANTUM
  Scenario: Connections of today cannot be read by a quantum computer of tomorrow
    When the deployed platform has been inspected
    Then every public listener offers a hybrid post-quantum key exchange

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement        | what                                 | role      | age  |
      | IP-ROAD-SAP        | Q1-Q2 2025: SAP                      | architect | 90 d |
      | IP-ROAD-SALESFORCE | Q1-Q2 2025: Salesforce               | architect | 90 d |
      | IP-ROAD-M365       | Q1-Q2 2025: Microsoft 365            | architect | 90 d |
      | IP-ROAD-ANALYTICS  | Q1-Q2 2025: BI and reporting systems | architect | 90 d |
      | IP-ROAD-MOBILE     | Q1-Q2 2025: mobile app backend       | architect | 90 d |
      | IP-ROAD-IOT        | Q1-Q2 2025: IoT devices              | architect | 90 d |
      | IP-ROAD-OVERDUE    | near-term goals past their date      | architect | 90 d |
      | IP-ROAD-PLATFORM   | 2025-2026: AI-powered platform       | architect | 90 d |
      | IP-ROAD-EDGE       | 2025-2026: edge computing            | architect | 90 d |
      | IP-ROAD-BLOCKCHAIN | 2025-2026: blockchain                | architect | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                         | parts            |
      | IP-ROAD-AI  | Q1-Q2 2025: AI orchestration | IP-LAND-AI passes |

  @IP-ROAD-AUTONOMOUS @profile-quick
  Scenario: A killed pod is replaced by no hand, at a first look
    When the experiment "pod-loss" has run under "quick" traffic
    Then every killed pod is replaced by a ready one within 60 s with 0 manual steps
