Feature: Every part of the platform is up and can be reached
  Facts of the live target, read before any traffic. A check that fails is asked twice more.

  @ND-DEP-HEALTH
  Scenario: Every pod of every service is healthy
    When the deployed platform has been inspected
    Then the health path of every pod of every service in every region answers 200 within 1 s

  @ND-PH1-GATEWAY
  Scenario: Every service is reached through the gateway of every region
    When the deployed platform has been inspected
    Then a read of every service passes through the api-gateway of every region with status 200
