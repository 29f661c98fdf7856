Feature: Cost
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-COST-RESERVED
  Scenario: The declared capacity is reserved
    When the files of the platform have been read
    Then the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a
