Feature: Scalability
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-SCALE-GEO
  Scenario: Each region serves its own requests
    When the deployed platform has been inspected
    Then at least 95 % of each region's requests are served in that region in the steady state

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement        | what                  | parts                                                                                                               |
      | IP-SCALE-VALIDATED | scalability validated | IP-SCALE-HORIZONTAL, IP-SCALE-VERTICAL, IP-SCALE-ELASTIC, IP-SCALE-ELASTIC-IN, IP-SCALE-GEO and IP-SCALE-CACHE pass |
