Feature: Security criteria
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-SCR-AUTH
  Scenario: A thousand right sign-ins get in, a thousand wrong ones do not
    When the deployed platform has been inspected
    Then every right sign-in got a token and every wrong one 401, at least 1000 of each

  @AT-SCR-DATA
  Scenario: Every column has a class, and what is personal is stored encrypted
    When the deployed platform has been inspected
    Then every column is classified and no personal marker is found in clear in any database file
  @AT-SCR-AUDIT
  Scenario: Every state change of the traffic is in the audit log, once
    When "everyday" traffic has run
    Then there is exactly one audit entry with who, what and when for every state change made by the traffic

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                           | parts                                                                            |
      | AT-SCR-ACCESS   | 100 % authorisation working    | AT-SEC-RBAC, AT-SEC-REVOKE and AT-GAP-ACCESS pass                                |
      | AT-TGT-SECURITY | production security is reached | AT-SCR-AUTH, AT-SCR-DATA, AT-SCR-ACCESS, AT-SCR-AUDIT and AT-READY-SECURITY pass |
