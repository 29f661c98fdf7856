Feature: Workloads and chart
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-HELM
  Scenario: The chart is complete
    When the files of the platform have been read
    Then the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts

  @DA-HELM-VALUES
  Scenario: The chart has values for both environments
    When the files of the platform have been read
    Then values-staging.yaml and values-production.yaml exist and the chart renders with each
