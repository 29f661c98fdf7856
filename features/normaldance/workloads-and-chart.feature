Feature: Workloads and chart
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-HELM
  Scenario: The chart is complete
    When the files of the platform have been read
    Then the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts

  @DA-HELM-VALUES
  Scenario: The chart has values for both environments
    When the files of the platform have been read
    Then the chart renders with each of values-staging.yaml and values-production.yaml

  @DA-K8S-FRONTEND
  Scenario: The frontend has its declared size
    When the deployed platform has been inspected
    Then deployment "normaldance-frontend" has 3 ready replicas with requests 250m, 256Mi and limits 500m, 512Mi in the steady state

  @DA-K8S-ENV
  Scenario: The frontend has its declared environment
    When the deployed platform has been inspected
    Then every container of deployment "normaldance-frontend" has NODE_ENV "production" and port 3000

  @DA-K8S-LIVENESS
  Scenario: A hung frontend is started again
    When the experiment "frontend-hung" has run under "everyday" traffic
    Then a hung container of "normaldance-frontend" is restarted within 45 s

  @DA-K8S-READINESS
  Scenario: An unready frontend gets no requests
    When the experiment "frontend-unready" has run under "everyday" traffic
    Then no request is sent to an unready pod of "normaldance-frontend" later than 20 s after it turned unready

  @DA-K8S-PROBES
  Scenario: The frontend declares its probes
    When the deployed platform has been inspected
    Then every probed container of deployment "normaldance-frontend" has liveness path equal to /api/health, liveness delay equal to 30 s, liveness period equal to 10 s, readiness delay equal to 5 s and readiness period equal to 5 s
