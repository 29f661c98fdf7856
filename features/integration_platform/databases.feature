Feature: Databases
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                           | parts                                                                                                                         |
      | IP-DB-POSTGRES | primary database, all features | IP-DB-ATOMIC, IP-DB-CONSISTENT, IP-DB-ISOLATED, IP-DB-DURABLE, IP-DB-JSON, IP-DB-FULLTEXT, IP-DB-REPLICAS and IP-DB-POOL pass |
