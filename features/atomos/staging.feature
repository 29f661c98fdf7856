Feature: Staging
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                                    | parts                                                                                                                                 |
      | AT-STG-SECURITY | authentication, authorisation validated | AT-GAP-AUTH, AT-GAP-ACCESS, AT-SEC-JWT, AT-SEC-RBAC, AT-SEC-SESSION and AT-STG-AUTH pass                                              |
      | AT-VEC-STAGING  | vector 1: development to staging        | AT-STG-CONFIG, AT-STG-DATABASE, AT-STG-MONITORING, AT-STG-FUNCTIONAL, AT-STG-PERFORMANCE, AT-STG-SECURITY and AT-STG-INTEGRATION pass |
