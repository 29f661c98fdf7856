Feature: Monitoring
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: the metrics say what users met
    When the metrics of every service have been read under "everyday" traffic
    Then <sentence>

    Examples:
      | requirement            | what                        | sentence                                                                                             |
      | DA-MON-APP-LATENCY     | response time p50, p95, p99 | the metrics show p50, p95 and p99 of the api-gateway within 5 % or 5 ms of what the traffic measured |
      | DA-MON-APP-RPS         | throughput                  | the metrics show requests per second within 5 % of what the traffic measured in the steady state     |
      | DA-MON-BUSINESS-ENGAGE | user engagement             | the metrics show plays per user within 1 % of what the traffic measured                              |

  @DA-MON-APP-ERRORS
  Scenario: The error rate that users meet is the one that the metrics show
    When the metrics of every service have been read under "everyday" traffic
    And the experiment "errors-10" has run under "everyday" traffic
    Then the metrics show an error rate within 0.1 points of what the traffic measured

  @DA-MON-APP-USERS
  Scenario: The number of active users is the number of those who signed in lately
    When the number of active users has been read under "everyday" traffic
    Then the metrics show a number of active users within 5 % of what the traffic measured

  @DA-MON-SCRAPE
  Scenario: What is annotated is scraped on schedule, and nothing else
    When the deployed platform has been inspected
    Then every annotated pod and service is scraped every 15 s ± 3 s and no other is

  @DA-MON-INFRA-RESTARTS
  Scenario: What was started again is counted
    When the experiment "frontend-hung" has run under "everyday" traffic
    Then the exposed restart count of every pod equals that of the Kubernetes API after the recovery

  @DA-MON-GRAFANA
  Scenario: Grafana shows what is, on every panel
    When "everyday" traffic has run
    Then Grafana answers healthy and every panel of every dashboard has data of the last 5 min

  Scenario Outline: <what> of pods is exposed
    When the deployed platform has been inspected
    Then <sentence>

    Examples:
      | requirement          | what            | sentence                                                                                         |
      | DA-MON-INFRA-CPU     | CPU usage       | CPU usage of every pod is exposed and younger than 30 s                                          |
      | DA-MON-INFRA-MEMORY  | memory usage    | memory usage of every pod is exposed and younger than 30 s                                       |
      | DA-MON-INFRA-DISK    | disk I/O        | bytes read and written of every database and IPFS pod are exposed and younger than 30 s          |
      | DA-MON-INFRA-NETWORK | network traffic | bytes received and sent of every pod are exposed and younger than 30 s                           |

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                   | parts                                                                                                         |
      | DA-MON-APP      | application metrics    | DA-MON-APP-LATENCY, DA-MON-APP-ERRORS, DA-MON-APP-RPS and DA-MON-APP-USERS pass                               |
      | DA-MON-INFRA    | infrastructure metrics | DA-MON-INFRA-CPU, DA-MON-INFRA-MEMORY, DA-MON-INFRA-DISK, DA-MON-INFRA-NETWORK and DA-MON-INFRA-RESTARTS pass |
      | DA-MON-BUSINESS | business metrics       | DA-MON-BUSINESS-UPLOADS, DA-MON-BUSINESS-MINTS, DA-MON-BUSINESS-VOLUME and DA-MON-BUSINESS-ENGAGE pass        |
