Feature: The backend is open to its callers and to nobody else
  Two probe pods, one labelled as a declared caller and one with a label that no rule names, call each backend.

  @DA-NET-POLICY
  Scenario: Only declared callers reach the backend
    When the deployed platform has been inspected
    Then TCP 8080 of the backend accepts its declared callers and refuses every other workload

  @DA-NET-PORTS
  Scenario: Declared callers reach one port of the backend
    When the deployed platform has been inspected
    Then TCP 8080 of the backend is its only port that a declared caller reaches

  @DA-SEC-SECRETS
  Scenario: No secret is in the open
    When "everyday" traffic has run
    Then no secret value is found in a manifest, a literal environment value or a log line

  @DA-SEC-STORE
  Scenario: The store owns the secret of the services
    When the deployed platform has been inspected
    Then the key "db-password" of secret "normaldance-secret" has owner equal to ExternalSecret/normaldance-secrets

  @DA-SEC-STORE-REMOTE
  Scenario: The secret is read from its key of the store
    When the deployed platform has been inspected
    Then ExternalSecret "normaldance-secrets" has store equal to aws-secretsmanager, remote key equal to prod/normaldance/database and ready equal to True

  @DA-SEC-REFRESH
  Scenario: A new password of the database is in use at once
    When "everyday" traffic has run
    Then no request failed and every service used the new one within 45 s when a key was rotated under traffic
