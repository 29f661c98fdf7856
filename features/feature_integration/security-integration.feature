Feature: Security integration
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement       | what                 | role          | age  |
      | FI-SEC-COMPLIANCE | compliance framework | security-lead | 90 d |
