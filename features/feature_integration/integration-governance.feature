Feature: Integration governance
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  @FI-REVIEW-PROC-CODE
  Scenario: Every change was approved by another than its author
    When the record "merges" of this release has been read
    Then every merge was approved by another than its author

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement                | what                           | role            | age  |
      | FI-REVIEW-STD-PATTERNS     | standards and patterns defined | architect       | 90 d |
      | FI-REVIEW-PROC-BOARD       | architecture review board      | architect       | 90 d |
      | FI-REVIEW-PROC-PERFORMANCE | performance reviews            | architect       | 90 d |
      | FI-REVIEW-PROC-SECURITY    | security reviews               | security-lead   | 90 d |
      | FI-REVIEW-DOC-SECURITY     | security controls documents    | security-lead   | 90 d |
      | FI-REVIEW-DOC-OPERATIONS   | operational procedures         | operations-lead | 90 d |

  @FI-REVIEW-STD-SECURITY
  Scenario: Every boundary is secured
    When the files of the platform have been read
    Then every boundary names its authentication, its encryption and its data class

  @FI-REVIEW-STD-BENCHMARKS
  Scenario: Every boundary has a limit and a baseline
    When the files of the platform have been read
    Then every boundary has a declared limit and a stored baseline run younger than 90 d

  @FI-REVIEW-PROC-TESTING
  Scenario: Every boundary is tested
    When the files of the platform have been read
    Then every boundary in the register names at least one scenario that exists
