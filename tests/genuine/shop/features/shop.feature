Feature: What a cluster shows

  @SHOP-P95
  Scenario: 95 of 100 requests are answered within half a second
    When "visitors" traffic has run
    Then the response time p95 of every route is below 500 ms in the steady state

  @SHOP-SIZE
  Scenario: The till has its size
    When the deployed platform has been inspected
    Then deployment "till" has 2 ready replicas with cpu 100m and memory 64Mi

  @SHOP-HEALTH
  Scenario: Every pod is healthy
    When the deployed platform has been inspected
    Then the health path of every pod of every service in every region answers 200 within 5 s

  @SHOP-SCALER
  Scenario: The till is scaled
    When the deployed platform has been inspected
    Then the autoscaler "till" targets deployment "till" and reports ScalingActive true

  @SHOP-BOUNDS
  Scenario: The till stays below its bound
    When "visitors" traffic has run
    Then the autoscaler "till" and its target have at most 4 replicas at any moment of the run

  @SHOP-STRESS
  Scenario: The till reacts to load
    Then at a mean CPU of 90 % of the request the replicas of "till" rise within 5 min, at 40 % they do not

  @SHOP-KILL
  Scenario: A pod dies
    When the experiment "till-loss" has run under "visitors" traffic
    Then reads are served again within 30 s

  @SHOP-ORDER
  Scenario: Shares grow step by step
    When the rollout "canary" has run under "visitors" traffic
    Then the rollout went through 25 %, 50 % and 100 % of users in this order

  @SHOP-BACK
  Scenario: The way back by one command
    When the rollout "canary" has run under "visitors" traffic
    Then every request is served by the old release within 20 s of the one documented command, under traffic

  @SHOP-TRIGGER
  Scenario: A release that fails is taken back
    When the rollout "failing" has run under "visitors" traffic
    Then the rollback starts within 30 s after 10 s of the new release's error rate above 5 %

  @SHOP-QUIET
  Scenario: No alert fires
    When "visitors" traffic has run
    Then no alert fires in the steady state
