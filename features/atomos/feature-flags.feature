Feature: Feature flags

  @AT-FF-ROLLBACK
  Scenario: A feature is gone when its flag is off
    When "census" traffic has run
    Then no answer with a feature is served later than 5 s after its flag is off, under traffic

  @AT-FF-UI
  Scenario: The updated dashboard comes with its flag
    When "census" traffic has run
    Then the updated dashboard is served in every region within 60 s after the flag is on

  @AT-FF-MONITORING
  Scenario: The enhanced metrics come with their flag
    When "census" traffic has run
    Then the enhanced metrics are exposed by every service within 60 s after the flag is on
