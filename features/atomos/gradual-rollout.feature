Feature: Gradual rollout
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement      | what                          | parts                                                                                              |
      | AT-PHASE-GRADUAL | gradual rollout by percentage | AT-CAN-STEPS, AT-CAN-STEP-5, AT-CAN-STEP-25, AT-CAN-STEP-50, AT-CAN-STEP-100 and AT-CAN-DWELL pass |
      | AT-PHASE-CANARY  | canary on a limited user base | AT-CAN-STEP-5, AT-CAN-STICKY and AT-CAN-BLAST pass                                                 |
      | AT-PHASE-FLAGS   | feature toggles exist         | AT-FF-QUERIES, AT-FF-UI, AT-FF-MONITORING and AT-FF-ROLLBACK pass                                  |
