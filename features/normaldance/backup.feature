Feature: Backups of the database, of the cache and of the configuration
  They are made each hour and each day, lie where the documents say, and are worth what a restore shows.

  @DA-BAK-DB
  Scenario: A backup is always young
    When "everyday" traffic has run
    Then the newest backup of the database is younger than 70 min at every moment of the run

  @DA-BAK-DB-KEEP
  Scenario: Backups are kept for a month
    When the deployed platform has been inspected
    Then the retention rule of the database backups is 30 d

  @DA-BAK-DB-PLACE
  Scenario: The newest backup is where it is looked for, and whole
    When the deployed platform has been inspected
    Then the newest backup of the database lies in "s3://normaldance-backups/database/" and has the checksum of the backup made

  @DA-BAK-DB-EXPIRED
  Scenario: Old backups go, young ones stay
    When "everyday" traffic has run
    Then no backup of the database older than 30 d is kept and no younger one was removed

  @DA-BAK-DB-PITR
  Scenario: The database can be restored to a chosen second
    When the deployed platform has been inspected
    Then the database restored to a chosen second contains every write acknowledged before it and none after it

  @DA-BAK-RPO
  Scenario: The database is saved often enough
    When the deployed platform has been inspected
    Then the longest interval between two saved states, by schedule and archive settings, is at most 1 h

  @DA-BAK-REDIS
  Scenario: A snapshot of the cache is always young
    When "everyday" traffic has run
    Then the newest snapshot of the cache is younger than 24 h

  @DA-BAK-REDIS-KEEP
  Scenario: Snapshots of the cache are kept for a week
    When the deployed platform has been inspected
    Then the retention rule of the cache snapshots is 7 d

  @DA-BAK-REDIS-RESTORE
  Scenario: The cache can be restored from a snapshot
    When the deployed platform has been inspected
    Then a cache restored from the newest snapshot contains 100 % of the keys of its moment

  @DA-BAK-CONFIG
  Scenario: The configuration is in git and in the object store
    When the deployed platform has been inspected
    Then the newest copies in git and in the object store equal the live configuration, 0 differences

  @DA-BAK-CONFIG-RESTORE
  Scenario: The configuration can be restored from a version
    When the deployed platform has been inspected
    Then the configuration restored from the chosen version equals it, 0 differences
