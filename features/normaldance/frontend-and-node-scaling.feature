Feature: Frontend and node scaling
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-CA-ROLE
  Scenario: The cluster autoscaler has its role
    When the deployed platform has been inspected
    Then the annotation "eks.amazonaws.com/role-arn" of service account "cluster-autoscaler" of namespace "kube-system" has value like arn:aws:iam::############:role/*

  @DA-CA-NODES
  Scenario: A node is added where a pod lacks CPU
    When the deployed platform has been inspected
    Then a pod pending for lack of CPU runs within 10 min

  @DA-HPA-FE-TARGET
  Scenario: The frontend's autoscaler has a target and can read it
    When the deployed platform has been inspected
    Then the autoscaler "frontend-hpa" targets deployment "normaldance-frontend" and reports ScalingActive true

  @DA-HPA-FE-MIN
  Scenario: There are at least three of the frontend
    When the deployed platform has been inspected
    Then the autoscaler "frontend-hpa" has a minimum of at least 3 and its target is never under 3 ready replicas, faults excluded

  @DA-HPA-FE-MAX
  Scenario: There are at most fifty of the frontend
    When the deployed platform has been inspected
    Then the autoscaler "frontend-hpa" and its target have at most 50 replicas at any moment of the run

  Scenario Outline: The frontend scales out with its <resource>
    When the deployed platform has been inspected
    Then at a mean <resource> of <high> of the request the replicas of "normaldance-frontend" rise within 6 min, at <low> they do not

    Examples:
      | requirement      | resource | high | low  |
      | DA-HPA-FE-CPU    | CPU      | 85 % | 60 % |
      | DA-HPA-FE-MEMORY | memory   | 95 % | 70 % |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                | parts                                                                                   |
      | DA-HPA-FRONTEND | frontend autoscaler | DA-HPA-FE-TARGET, DA-HPA-FE-MIN, DA-HPA-FE-MAX, DA-HPA-FE-CPU and DA-HPA-FE-MEMORY pass |
