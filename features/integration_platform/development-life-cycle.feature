Feature: Development life cycle
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-LIFE-8
  Scenario: No route is slower than in the baseline run
    When "everyday" traffic has run
    Then the response time p95 of every route is at most 1.2 times that of the baseline run

  @IP-LIFE-6
  Scenario: Once all users have the release, no pod serves another one, and the monitoring saw it all
    When every pod has been read during the rollout "blue-green" under "visits" traffic
    And the metrics in Prometheus have been read during the rollout "blue-green" under "visits" traffic
    Then every ready pod runs this release after the switch and no metric has a gap over 30 s

  @IP-LIFE-5
  Scenario: A run in staging of this release decided GO
    When the verdict "staging" of this release has been read
    Then the decision of the run in staging is GO, younger than 7 d

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement | what                  | role      | age  |
      | IP-LIFE-1   | requirements analysis | architect | 90 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement | what                                | parts                                                                                    |
      | IP-LIFE-2   | architecture design, pattern chosen | IP-MGR-PATTERN passes                                                                     |
      | IP-LIFE-3   | security planning                   | IP-MGR-SECURITY passes                                                                    |
      | IP-LIFE-4   | development and testing             | IP-MGR-TESTING, IP-QA-UNIT and IP-QA-E2E pass                                            |
      | IP-LIFE-7   | monitoring and maintenance          | IP-MONITOR-HEALTH, IP-MONITOR-PERFORMANCE, IP-MONITOR-ALERTS and IP-MONITOR-REPORTS pass |
