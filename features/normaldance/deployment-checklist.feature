Feature: The deployment checklist is ticked by what was measured
  Before, at and after the deployment. A check that fails is asked twice more.

  @ND-DEP-HEALTH
  Scenario: Every pod of every service is healthy
    When the deployed platform has been inspected
    Then the health path of every pod of every service in every region answers 200 within 1 s
