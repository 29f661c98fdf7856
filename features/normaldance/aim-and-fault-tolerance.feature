Feature: Aim and fault tolerance
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                                            | parts                                                                                    |
      | DA-AIM      | high availability, scalability, fault tolerance | ND-KPI-UPTIME, ND-RISK-PERFORMANCE, DA-FT-POD, DA-FT-NODE, DA-FT-ZONE and DA-DR-RTO pass |
