Feature: The backend is open to its callers and to nobody else
  Two probe pods, one labelled as a declared caller and one with a label that no rule names, call each backend.

  @DA-NET-POLICY
  Scenario: Only declared callers reach the backend
    When the deployed platform has been inspected
    Then TCP 8080 of the backend accepts its declared callers and refuses every other workload
