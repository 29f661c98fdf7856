Feature: Compliance
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement     | what                     | role          | age  |
      | DA-CMP-SOC2     | SOC 2 Type II            | security-lead | 90 d |
      | DA-CMP-GDPR     | GDPR for users in the EU | security-lead | 90 d |
      | DA-CMP-PCI      | PCI DSS for payments     | security-lead | 90 d |
      | DA-CMP-ISO27001 | ISO 27001                | security-lead | 90 d |
