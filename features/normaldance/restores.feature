Feature: Restores of the database
  What was saved comes back as it was at any second.

  @DA-BAK-DB-PITR
  Scenario: The database can be restored to a chosen second
    When the deployed platform has been inspected
    Then the database restored to a chosen second contains every write acknowledged before it and none after it

  @DA-BAK-RPO
  Scenario: The database is saved often enough
    When the deployed platform has been inspected
    Then the longest interval between two saved states, by schedule and archive settings, is at most 1 h
