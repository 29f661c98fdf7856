Feature: Backups
  Document 003, Backup: the database every hour and for 30 days, the cache every day and for 7 days.

  @DA-BAK-DB
  Scenario: The newest backup of the database is always younger than 70 min
    When "everyday" traffic has run
    Then the newest backup of the database is younger than 70 min at every moment of the run

  @DA-BAK-DB-KEEP
  Scenario: Backups of the database are kept for 30 days
    When the deployed platform has been inspected
    Then the retention rule of the database backups is 30 d

  @DA-BAK-REDIS
  Scenario: The newest snapshot of the cache is younger than a day
    When "everyday" traffic has run
    Then the newest snapshot of the cache is younger than 24 h

  @DA-BAK-REDIS-KEEP
  Scenario: Snapshots of the cache are kept for 7 days
    When the deployed platform has been inspected
    Then the retention rule of the cache snapshots is 7 d
