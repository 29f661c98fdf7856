Feature: The stability criteria of the staged integration
  Errors are counted while nothing is broken; recovery runs from the moment a single fault was sent.

  @AT-TGT-STABILITY
  Scenario: No pod restarts by itself in a soak
    When "everyday" traffic has run
    Then no pod restarts outside experiments over a soak of 8 h

  @AT-STB-MEMORY
  Scenario: No service holds more memory than it should
    When the deployed platform has been inspected
    Then the resident memory of every service process is below 300 MB in the steady state

  @AT-STB-SLOPE
  Scenario: No service holds more and more memory
    When the memory of every service has been read under "everyday" traffic
    Then the resident memory of every service grows by less than 10 MB after warm-up over an 8 h soak

  @AT-STB-SLOPE @profile-rollout
  Scenario: No service of a release that takes over holds more and more memory
    When the memory of every service has been read during the rollout "blue-green" under "visits" traffic
    Then the resident memory of every service grows by less than 10 MB after warm-up over an 8 h soak after the switch

  @AT-STB-ERRORS
  Scenario: No route fails 1 in 100 requests
    When "everyday" traffic has run
    Then the error rate of every route is below 1 % in the steady state

  @AT-STB-RECOVERY
  Scenario: Any single fault is over for the users within 30 s
    When every single-fault experiment has run under "everyday" traffic
    Then reads and writes are served again within 30 s of every single-fault experiment

  @AT-STB-ERRORS @profile-quick
  Scenario: No route fails 1 in 100 requests in half a minute
    When "quick" traffic has run
    Then the error rate of every route is below 1 % in the steady state
