Feature: Training and documentation
  Document 000, section by section: what is measured, read from reports, vouched for, and made of these.

  @ND-TRN-USER
  Scenario: Users find what they need by themselves
    When the deployed platform has been inspected
    Then the self-service portal answers 200 and every link on its first page answers below 400

  @ND-TRN-DOCS
  Scenario: Whoever writes a client finds every operation described
    When the deployed platform has been inspected
    Then 100 % of the operations the target serves are described in its API document

  @ND-TRN-RUNBOOKS
  Scenario: Who is woken knows what to do
    When the deployed platform has been inspected
    Then every alert rule names a runbook and 100 % of these addresses answer 200

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement | what                               | role          | age  |
      | ND-TRN-DEV  | developer training, 2-day workshop | product-owner | 90 d |
      | ND-TRN-OPS  | operations training, 1-day session | product-owner | 90 d |
