Feature: Security gaps
  Document 002, section by section: what is measured, read from reports, vouched for, and made of these.

  @AT-GAP-BYPASS
  Scenario: No setting switches authentication off
    When the deployed platform has been inspected
    Then every workload has bypass switches at most 0

  @AT-GAP-AUTH
  Scenario: Authentication cannot be bypassed
    When the deployed platform has been inspected
    Then every call without a token was refused with 401 and the calls cover every protected operation

  @AT-GAP-CSRF
  Scenario: No page of another origin changes anything
    When the deployed platform has been inspected
    Then every call from a foreign origin was refused with 403 and the calls cover every state-changing operation

  @AT-GAP-ACCESS
  Scenario: No user gets another user's object
    When the deployed platform has been inspected
    Then every call to another user's object was refused with 403 or 404 and the calls cover every operation on objects
  @AT-GAP-RATELIMIT
  Scenario: Calls over the declared rate are refused
    When the deployed platform has been inspected
    Then at least 95 % of the calls over the declared rate got 429 with Retry-After during the burst

  @AT-GAP-RATELIMIT-OTHERS
  Scenario: The burst of one client hurts no other one
    When the deployed platform has been inspected
    Then the error rate of every other client is below 1 % during the burst
