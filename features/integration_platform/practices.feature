Feature: Good practice shows in what the platform does
  Each write carries a key of its own and may be sent again; the database is asked how often it is there.

  @IP-BP-IDEMPOTENT
  Scenario: Every acknowledged write is there once
    When "everyday" traffic has run
    Then every acknowledged write is there once
