Feature: Success metrics
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement          | what                         | parts                                                                                                                           |
      | AT-MET-PERFORMANCE   | performance targets          | AT-PERF-P95, AT-PERF-USERS, AT-PERF-DB and AT-TGT-PERFORMANCE pass                                                              |
      | AT-MET-STABILITY     | stability and uptime targets | AT-PERF-AVAILABILITY, AT-STB-MEMORY, AT-STB-SLOPE, AT-STB-ERRORS, AT-STB-RECOVERY, AT-STB-CONSISTENCY and AT-TGT-STABILITY pass |
      | AT-MET-FUNCTIONALITY | feature completeness         | AT-FUN-CORE, AT-FUN-PATHS, AT-FUN-INTEGRATIONS and AT-TGT-FUNCTIONALITY pass                                                    |
      | AT-MET-ACCEPTANCE    | user acceptance              | AT-MET-SATISFACTION, AT-MET-ADOPTION and AT-MET-UAT pass                                                                        |
