Feature: Frontend and node scaling
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-CA-ROLE
  Scenario: The cluster autoscaler has its role
    When the deployed platform has been inspected
    Then service account "cluster-autoscaler" of namespace "kube-system" is annotated "eks.amazonaws.com/role-arn" in the form "arn:aws:iam::############:role/*"

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                | parts                                                                                   |
      | DA-HPA-FRONTEND | frontend autoscaler | DA-HPA-FE-TARGET, DA-HPA-FE-MIN, DA-HPA-FE-MAX, DA-HPA-FE-CPU and DA-HPA-FE-MEMORY pass |
