Feature: Phases of the integration
  What each phase of the integration strategy brings, shown on the live platform.

  @ND-PH1-GATEWAY
  Scenario: Every service is reached through the gateway of every region
    When the deployed platform has been inspected
    Then a read of every service passes through the api-gateway of every region with status 200

  @ND-PH1-DISCOVERY
  Scenario: New pods are found and dead ones forgotten
    When the experiment "pod-loss" has run under "everyday" traffic
    Then a new pod has its first request within 10 s of being ready, a killed pod none later than 10 s
