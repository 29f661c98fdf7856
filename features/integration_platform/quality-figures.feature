Feature: The quality figures of the integration documentation
  The document names the figures and no limit; the limits are this catalogue's interpretation.

  @IP-Q-CONSISTENCY
  Scenario: Every region reads what was written
    When "everyday" traffic has run
    Then every acknowledged write is read back equal in every region
