Feature: Security criteria
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                           | parts                                                                            |
      | AT-SCR-ACCESS   | 100 % authorisation working    | AT-SEC-RBAC, AT-SEC-REVOKE and AT-GAP-ACCESS pass                                |
      | AT-TGT-SECURITY | production security is reached | AT-SCR-AUTH, AT-SCR-DATA, AT-SCR-ACCESS, AT-SCR-AUDIT and AT-READY-SECURITY pass |
