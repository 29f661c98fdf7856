Feature: The named risks do not come true
  What the integration strategy fears, and what the platform does against it.
  A ledger of numbered writes runs beside the traffic; after each fault it is compared with the database itself.

  @ND-RISK-DATALOSS
  Scenario: No pod or node fault loses a write
    When every experiment of domain pod or node has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain pod or node
