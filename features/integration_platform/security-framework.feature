Feature: Security framework
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-SEC-APIKEY
  Scenario: API keys that are not right are refused
    When the deployed platform has been inspected
    Then every call with a missing, wrong or revoked API key was refused with 401 and the calls cover every operation that takes keys

  @IP-SEC-OAUTH2
  Scenario: Access tokens that are not right are refused
    When the deployed platform has been inspected
    Then every call with an expired, revoked or foreign-audience token was refused with 401 and the calls cover every protected operation

  @IP-SEC-JWT
  Scenario: Tokens that are not right are refused
    When the deployed platform has been inspected
    Then every call with alg none, past expiry, foreign key or altered claim was refused with 401 and the calls cover every protected operation

  @IP-SEC-RBAC
  Scenario: Roles have the scopes that are declared for them
    When the deployed platform has been inspected
    Then every role has exactly the scopes declared for it

  @IP-SEC-SCOPE-READ
  Scenario: Reads need the scope READ
    When the deployed platform has been inspected
    Then every call without scope READ was refused with 403 and the calls cover every read operation

  @IP-SEC-SCOPE-WRITE
  Scenario: The scope READ is not enough to write
    When the deployed platform has been inspected
    Then every call with scope READ only was refused with 403 and the calls cover every write operation

  @IP-SEC-SCOPE-ADMIN
  Scenario: The scope WRITE is not enough to administrate
    When the deployed platform has been inspected
    Then every call with scope WRITE only was refused with 403 and the calls cover every admin operation
  @IP-SEC-TLS13
  Scenario: Users reach the platform with TLS 1.3 only
    When the deployed platform has been inspected
    Then every public listener refuses plain text and every handshake below TLS 1.3

  @IP-SEC-MTLS
  Scenario: Machines come in with a client certificate that is right
    When the deployed platform has been inspected
    Then every mutual listener accepts a right client certificate, and none, an expired or a foreign one ended the handshake

  @IP-SEC-TRANSIT
  Scenario: Services, stores and event bus talk with TLS 1.3
    When "everyday" traffic has run
    Then every connection between services, stores and event bus uses TLS 1.3 in the steady state
  @IP-SEC-AES
  Scenario: What is stored is encrypted with AES-256
    When the deployed platform has been inspected
    Then a marker written through the API is in clear in no data file, and no encrypted value names another cipher than AES-256

  @IP-SEC-ROTATION
  Scenario: No key is old
    When the deployed platform has been inspected
    Then no key in use is older than 31 d

  @IP-SEC-ROTATION-LIVE
  Scenario: A key that is rotated hurts no user
    When "everyday" traffic has run
    Then no request failed and the old key was refused within 5 min when a key was rotated under traffic
  @IP-SEC-AUDIT
  Scenario: Every state change and every refusal is in the audit log, once
    When "everyday" traffic has run
    Then there is exactly one audit entry with who, what, when and whence for every state change and every refusal of the traffic and of 400 planted calls

  @IP-SEC-AUDIT-TAMPER
  Scenario: The audit log shows tampering
    When the deployed platform has been inspected
    Then an audit entry changed or removed is reported by the log's own check

  @IP-SEC-PII-EXPORT
  Scenario: The export of a person leaves no record out
    When the deployed platform has been inspected
    Then the export of a person contains every record that names the person and nothing of others

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

  @IP-SEC-RETENTION
  Scenario: Old rows are removed
    When the deployed platform has been inspected
    Then no row is older than its table's declared retention by more than 1 d, and every table declares one
