Feature: Integration landscape
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-LAND-AUTH
  Scenario: One issuer is trusted by every service
    When the deployed platform has been inspected
    Then a token of the one issuer is accepted by every service and one of another issuer by none

  @IP-LAND-INTERNAL
  Scenario: Services get what they ask each other for
    When "everyday" traffic has run
    And the deployed platform has been inspected
    Then every declared call between services was answered as its contract says in the steady state

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                            | parts                                                                                                 |
      | IP-LAND-EXTERNAL | external API integration        | IP-EXT-DESIGN, IP-EXT-AI, IP-EXT-PROJECTS, IP-EXT-IDENTITY, IP-EXT-MONITORING and IP-EXT-STORAGE pass |
      | IP-LAND-AI       | multi-AI provider orchestration | IP-AI-FAILOVER, IP-AI-ALLDOWN, IP-AI-RETURN and IP-AI-NAMED pass                                      |
