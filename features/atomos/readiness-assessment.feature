Feature: Readiness assessment
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-BASE-STABILITY
  Scenario: The last hour of a soak is as quick as the first
    When "everyday" traffic has run
    Then the response time p95 of every route in the last hour of a soak of 8 h is at most 1.2 times that of the first hour

  @AT-ARC-BOUNDARIES
  Scenario: Services connect only to those that they are declared to need
    When the log of connections has been read under "everyday" traffic
    Then every connection seen between services and stores is a declared dependency

  @AT-ARC-CONTRACT
  Scenario: Users get what the API description says
    When "everyday" traffic has run
    Then every answer to "everyday" traffic matches the API description in the steady state

  Scenario Outline: The <suite> suite has at least <least> tests, and every one of them passed
    When the JUnit report "<suite>" of this commit has been read
    Then at least <least> tests passed and none failed or was skipped

    Examples:
      | requirement           | suite        | least |
      | AT-SUITE-FUNCTIONAL   | functional   | 25    |
      | AT-SUITE-PERFORMANCE  | performance  | 30    |
      | AT-SUITE-SECURITY     | security     | 25    |
      | AT-SUITE-ARCHITECTURE | architecture | 25    |
      | AT-SUITE-STABILITY    | stability    | 30    |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement           | what                            | parts                                                                                                           |
      | AT-READY-FUNCTIONAL   | functional validation           | AT-FUN-CORE, AT-FUN-FINANCE, AT-FUN-PATHS and AT-FUN-INTEGRATIONS pass                                          |
      | AT-READY-PERFORMANCE  | performance validation          | AT-PERF-P95, AT-PERF-USERS, AT-PERF-AVAILABILITY and AT-PERF-DB pass                                            |
      | AT-READY-SECURITY     | security validation, 24 % today | AT-GAP-AUTH, AT-GAP-BYPASS, AT-GAP-ENCRYPTION, AT-GAP-RATELIMIT, AT-GAP-CSRF and AT-GAP-ACCESS pass             |
      | AT-READY-ARCHITECTURE | architectural validation        | AT-ARC-BOUNDARIES and AT-ARC-CONTRACT pass                                                                      |
      | AT-READY-STABILITY    | stability validation            | AT-STB-MEMORY, AT-STB-SLOPE, AT-STB-ERRORS, AT-STB-RECOVERY, AT-STB-CONSISTENCY and AT-BASE-STABILITY pass      |
      | AT-READY-OVERALL      | no average hides a category     | AT-READY-FUNCTIONAL, AT-READY-PERFORMANCE, AT-READY-SECURITY, AT-READY-ARCHITECTURE and AT-READY-STABILITY pass |
      | AT-SUITE-TOTAL        | 135 of 135 tests, 116 today     | AT-SUITE-FUNCTIONAL, AT-SUITE-PERFORMANCE, AT-SUITE-SECURITY, AT-SUITE-ARCHITECTURE and AT-SUITE-STABILITY pass |
