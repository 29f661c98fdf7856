Feature: Implementation roadmap
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: Phase <phase> ended in month <month> at the latest
    When the figures "business" of this target have been read
    Then the figure "phase_<phase>_end_month" is at most <month> months

    Examples:
      | requirement   | phase | month |
      | FI-ROAD-1-DUE | 1     | 3     |
      | FI-ROAD-2-DUE | 2     | 6     |
      | FI-ROAD-3-DUE | 3     | 12    |
      | FI-ROAD-4-DUE | 4     | 18    |

  @FI-ROAD-4-ASSESSMENT
  Scenario: The platform was assessed, and nothing severe is open
    When the SARIF report "platform" of this release has been read
    Then no finding of severity high or higher is open, younger than 90 d

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement          | what                         | parts                                                                                                              |
      | FI-ROAD-1-DATA       | common data architecture     | FI-UA-MODEL, FI-DC-MESH, FI-DC-LAKE, FI-DC-METADATA, FI-DC-QUALITY and FI-DC-MASTER pass                           |
      | FI-ROAD-1-SECURITY   | core security framework      | FI-UA-SECURITY, FI-SEC-IAM, FI-SEC-ENCRYPT-REST and FI-SEC-ENCRYPT-TRANSIT pass                                    |
      | FI-ROAD-1-MONITORING | central monitoring           | FI-UA-MONITORING and FI-OPS-MONITORING pass                                                                        |
      | FI-ROAD-1-DEVOPS     | DevOps pipeline              | FI-UA-DEVOPS, FI-OPS-CICD and FI-OPS-AUTOMATION pass                                                               |
      | FI-ROAD-1            | phase 1, foundation          | FI-ROAD-1-DATA, FI-ROAD-1-SECURITY, FI-ROAD-1-MONITORING, FI-ROAD-1-GATEWAY and FI-ROAD-1-DEVOPS pass              |
      | FI-ROAD-2-AIA        | AI/ML + analytics            | FI-AIA-PATTERN and FI-AIA-STEPS pass                                                                               |
      | FI-ROAD-2-IOT        | IoT + edge computing         | FI-IOT-PATTERN and FI-IOT-STEPS pass                                                                               |
      | FI-ROAD-2-BCI        | initial blockchain + IoT     | FI-BCI-IDENTITY, FI-BCI-REGISTRATION, FI-BCI-PROVENANCE and FI-BCI-NOTARY pass                                     |
      | FI-ROAD-2-GOVERNANCE | data governance foundation   | FI-GOV-METADATA and FI-GOV-CATALOG pass                                                                            |
      | FI-ROAD-2-SECURITY   | cross-feature controls       | FI-SEC-ZEROTRUST, FI-IOT-ZEROTRUST and FI-IOT-SECURITY pass                                                        |
      | FI-ROAD-2            | phase 2, dual-feature        | FI-ROAD-2-AIA, FI-ROAD-2-IOT, FI-ROAD-2-BCI, FI-ROAD-2-GOVERNANCE and FI-ROAD-2-SECURITY pass                      |
      | FI-ROAD-3-AIE        | AI/ML + edge computing       | FI-AIE-PATTERN and FI-AIE-STEPS pass                                                                               |
      | FI-ROAD-3-BCA        | blockchain + analytics       | FI-BCA-PATTERN and FI-BCA-STEPS pass                                                                               |
      | FI-ROAD-3-IBE        | IoT + blockchain + edge      | FI-IBE-CHAIN, FI-IBE-OFFLINE, FI-IBE-LEDGERLOSS, FI-IBE-COMMAND and FI-IBE-TRUST pass                              |
      | FI-ROAD-3-GOVERNANCE | governance of all features   | FI-GOV-METADATA, FI-GOV-CATALOG, FI-GOV-LINEAGE, FI-GOV-QUALITY and FI-GOV-PRIVACY pass                            |
      | FI-ROAD-3-SECURITY   | advanced security measures   | FI-SEC-THREATS, FI-MET-DETECT and FI-RISK-BOUNDARIES pass                                                          |
      | FI-ROAD-3            | phase 3, multi-feature       | FI-ROAD-3-AIE, FI-ROAD-3-BCA, FI-ROAD-3-IBE, FI-ROAD-3-GOVERNANCE and FI-ROAD-3-SECURITY pass                      |
      | FI-ROAD-4-COMPLETE   | all features integrated      | FI-ROAD-1, FI-ROAD-2, FI-ROAD-3, FI-BCI-PATTERN, FI-BCI-STEPS and FI-LC-INDEPENDENT pass                           |
      | FI-ROAD-4-MANAGEMENT | unified management interface | FI-UMI-INVENTORY, FI-UMI-CONTROL and FI-UMI-ACCESS pass                                                            |
      | FI-ROAD-4            | phase 4                      | FI-ROAD-4-COMPLETE, FI-ROAD-4-PERFORMANCE, FI-ROAD-4-ANALYTICS, FI-ROAD-4-MANAGEMENT and FI-ROAD-4-ASSESSMENT pass |
