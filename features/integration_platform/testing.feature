Feature: Testing
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement   | what              | role          | age  |
      | IP-QA-PENTEST | penetration tests | security-lead | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                                 | parts                                                                                                          |
      | IP-QA-CHAOS | fault tolerance and resilience tests | IP-PAT-BREAKER, IP-PAT-RETRY, IP-PAT-EVENTS, IP-DB-DURABLE, IP-DB-REDIS, IP-BP-COUPLING and IP-BP-DEGRADE pass |
