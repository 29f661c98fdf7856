Feature: Auto-scaling
  Document 000, section by section. The load is StressChaos on the pods' own account; replicas are what the autoscalers ask for, followed as they change.

  Scenario Outline: Every service scales out with their <resource>
    When the deployed platform has been inspected
    Then at a mean <resource> of <high> of the request the replicas rise within 6 min, at <low> they do not

    Examples:
      | requirement   | resource | high | low  |
      | ND-HPA-CPU    | CPU      | 85 % | 60 % |
      | ND-HPA-MEMORY | memory   | 95 % | 70 % |

  @ND-HPA-MIN
  Scenario: There are at least two of each service
    When the deployed platform has been inspected
    Then every autoscaler has a minimum of at least 2 and no service is under 2 ready replicas, faults excluded

  @ND-HPA-MAX
  Scenario: There are at most ten of each service
    When the deployed platform has been inspected
    Then none of "api-gateway, user-service, track-service" has more than 10 replicas at any moment of the run, traffic spike included

  @ND-HPA-UP-COOLDOWN
  Scenario: Scale-ups keep their distance
    When the deployed platform has been inspected
    Then two scale-ups of one service are at least 3 min apart in every traffic spike

  @ND-HPA-DOWN-COOLDOWN
  Scenario: Replicas outlast a spike
    When the deployed platform has been inspected
    Then no scale-down comes sooner than 5 min after the traffic fell
