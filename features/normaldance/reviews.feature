Feature: Reviews
  Document 000, section by section: what is measured, read from reports, vouched for, and made of these.

  @ND-REV-WEEKLY-PERF
  Scenario: Response times were measured in the last week
    When the run history "runs" of this target has been read
    Then at least 1 run measured the "response time", the newest younger than 7 d

  @ND-REV-WEEKLY-ERRORS
  Scenario: Error rates of two runs show a trend, the newest of the last week
    When the run history "runs" of this target has been read
    Then at least 2 runs measured the "error rate", the newest younger than 7 d

  @ND-REV-MONTHLY-SECURITY
  Scenario: The target was scanned in the last month
    When the SARIF report "security" of this target has been read
    Then the newest scan is younger than 31 d

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement               | what                               | role              | age  |
      | ND-REV-WEEKLY-FEEDBACK    | weekly: user feedback collection   | product-owner     | 7 d  |
      | ND-REV-WEEKLY-OPTIMISE    | weekly: optimisation opportunities | architect         | 7 d  |
      | ND-REV-MONTHLY-ARCH       | monthly: architecture review       | architect         | 31 d |
      | ND-REV-MONTHLY-CAPACITY   | monthly: capacity planning         | architect         | 31 d |
      | ND-REV-MONTHLY-TECH       | monthly: technology updates        | architect         | 31 d |
      | ND-REV-QUARTERLY-ROADMAP  | quarterly: roadmap updates         | programme-manager | 92 d |
      | ND-REV-QUARTERLY-BUDGET   | quarterly: budget review           | programme-manager | 92 d |
      | ND-REV-QUARTERLY-TEAM     | quarterly: team scaling            | programme-manager | 92 d |
      | ND-REV-QUARTERLY-STRATEGY | quarterly: strategic alignment     | programme-manager | 92 d |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what               | parts                                                                                                       |
      | ND-REV-WEEKLY    | weekly review      | ND-REV-WEEKLY-PERF, ND-REV-WEEKLY-ERRORS, ND-REV-WEEKLY-FEEDBACK and ND-REV-WEEKLY-OPTIMISE pass            |
      | ND-REV-MONTHLY   | monthly assessment | ND-REV-MONTHLY-ARCH, ND-REV-MONTHLY-SECURITY, ND-REV-MONTHLY-CAPACITY and ND-REV-MONTHLY-TECH pass          |
      | ND-REV-QUARTERLY | quarterly planning | ND-REV-QUARTERLY-ROADMAP, ND-REV-QUARTERLY-BUDGET, ND-REV-QUARTERLY-TEAM and ND-REV-QUARTERLY-STRATEGY pass |
