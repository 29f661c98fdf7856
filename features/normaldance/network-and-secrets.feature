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
