Feature: Strategic planning
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement         | what                                 | role          | age  |
      | IP-STRAT-AI         | area: enhanced AI integrations       | architect     | 90 d |
      | IP-STRAT-PLATFORMS  | area: external platform connectivity | architect     | 90 d |
      | IP-STRAT-ENTERPRISE | area: enterprise system integrations | architect     | 90 d |
      | IP-STRAT-SCALE      | area: performance and scalability    | architect     | 90 d |
      | IP-STRAT-SECURITY   | area: security and compliance        | security-lead | 90 d |
