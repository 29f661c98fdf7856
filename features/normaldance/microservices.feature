Feature: Every service has the size that the architecture declares
  Ready replicas, and CPU and memory as request and limit both, as the Kubernetes API of the primary region says.

  Scenario Outline: <service> has its declared size
    When the deployed platform has been inspected
    Then deployment "<service>" has <replicas> ready replicas with cpu <cpu> and memory <memory> in the steady state

    Examples:
      | requirement     | service       | replicas | cpu   | memory |
      | ND-ARCH-GATEWAY | api-gateway   | 3        | 500m  | 512Mi  |
      | ND-ARCH-USER    | user-service  | 2        | 250m  | 256Mi  |
      | ND-ARCH-TRACK   | track-service | 5        | 1000m | 1Gi    |
