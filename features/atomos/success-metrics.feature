Feature: Success metrics
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-MET-UAT
  Scenario: The whole acceptance suite passed
    When the JUnit report "acceptance" of this release has been read
    Then at least 1 test passed and none failed or was skipped

  @AT-MET-SATISFACTION
  Scenario: Users give 4 of 5 points
    When the figures "business" of this release have been read
    Then the figure "satisfaction" is at least 4.0 of 5, from at least 30 answers

  @AT-MET-ADOPTION
  Scenario: 80 of 100 active users use the new features within 30 days
    When the figures "business" of this release have been read
    Then the figure "feature_adoption" is at least 80 %, measured within 30 d of the release

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement          | what                         | parts                                                                                                                           |
      | AT-MET-PERFORMANCE   | performance targets          | AT-PERF-P95, AT-PERF-USERS, AT-PERF-DB and AT-TGT-PERFORMANCE pass                                                              |
      | AT-MET-STABILITY     | stability and uptime targets | AT-PERF-AVAILABILITY, AT-STB-MEMORY, AT-STB-SLOPE, AT-STB-ERRORS, AT-STB-RECOVERY, AT-STB-CONSISTENCY and AT-TGT-STABILITY pass |
      | AT-MET-FUNCTIONALITY | feature completeness         | AT-FUN-CORE, AT-FUN-PATHS, AT-FUN-INTEGRATIONS and AT-TGT-FUNCTIONALITY pass                                                    |
      | AT-MET-ACCEPTANCE    | user acceptance              | AT-MET-SATISFACTION, AT-MET-ADOPTION and AT-MET-UAT pass                                                                        |
