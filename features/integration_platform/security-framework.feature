Feature: Security framework
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement       | what                    | role          | age  |
      | IP-SEC-PII-REVIEW | GDPR: handling reviewed | security-lead | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                            | parts                                                                                       |
      | IP-SEC-METHODS | the four authentication methods | IP-SEC-APIKEY, IP-SEC-OAUTH2, IP-SEC-JWT and IP-SEC-MTLS pass                               |
      | IP-SEC-DATA    | data protection                 | IP-SEC-AES, IP-SEC-TRANSIT, IP-SEC-PII-ERASURE, IP-SEC-PII-EXPORT and IP-SEC-RETENTION pass |
