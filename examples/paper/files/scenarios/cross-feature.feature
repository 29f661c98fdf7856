Feature: Features work together
  What crosses a boundary of registers/boundaries.yaml arrives once, whole and in time.

  Scenario: A device's reading reaches its edge node
    When a registered device sends a reading
    Then its edge node has it within 200 ms

  Scenario: A forwarded reading reaches the lake once
    When an edge node forwards a reading twice
    Then the lake has it once

  Scenario: A reading is a feature within a second
    When a reading has been ingested
    Then the online feature store has it within 1 s

  Scenario: Inference serves the registered model
    When a model has been promoted in the registry
    Then inference answers with that model's version

  Scenario: A dashboard shows a prediction
    When a user opens the dashboard
    Then every panel shows a prediction of the promoted model

  Scenario: A reading is notarised once
    When a reading has been ingested
    Then the ledger has one record of it

  Scenario: A contract commands a device
    When a contract's condition holds
    Then the device carries the command out once

  Scenario: An edge node takes a new model
    When a model has been promoted for the edge
    Then every edge node serves it

  Scenario: Edge nodes train one model together
    When every edge node has sent its update
    Then the aggregated model is in the registry

  Scenario: The index equals the ledger
    When the ledger has new blocks
    Then the index has every record of them

  Scenario: A purchase of data is proven
    When a user has bought a data set
    Then the ledger proves it
