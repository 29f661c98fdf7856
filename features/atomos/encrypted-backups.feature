Feature: Encrypted backups
  What is personal is in no backup in clear.

  @AT-SEC-BACKUP
  Scenario: Backups are encrypted
    When the deployed platform has been inspected
    Then a marker written before the backup is found in clear in no backup file
