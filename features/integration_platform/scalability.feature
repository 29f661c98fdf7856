Feature: Scalability
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-SCALE-GEO
  Scenario: Each region serves its own requests
    When the deployed platform has been inspected
    Then at least 95 % of each region's requests are served in that region in the steady state

  @IP-SCALE-HORIZONTAL
  Scenario: Twice as many pods serve nearly twice as much
    When the deployed platform has been inspected
    Then the throughput of /portal of "normaldance-frontend" at 4 replicas is at least 1.7 times that at 2

  @IP-SCALE-VERTICAL
  Scenario: A pod that may use more CPU serves more
    When the deployed platform has been inspected
    Then the throughput of /portal of "normaldance-frontend" at twice the CPU limit is at least 1.5 times that at the first

  @IP-SCALE-ELASTIC
  Scenario: Replicas follow a spike
    When "page-spike" traffic has run
    Then the replicas of "normaldance-frontend" rise within 3 min of a spike to 3 times the traffic and the response time p95 is below 500 ms within 5 min

  @IP-SCALE-ELASTIC-IN
  Scenario: Replicas go when the spike is over
    When "page-spike" traffic has run
    Then the replicas of "normaldance-frontend" are back within 15 min after a spike to 3 times the traffic and no request failed meanwhile

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement        | what                  | parts                                                                                                               |
      | IP-SCALE-VALIDATED | scalability validated | IP-SCALE-HORIZONTAL, IP-SCALE-VERTICAL, IP-SCALE-ELASTIC, IP-SCALE-ELASTIC-IN, IP-SCALE-GEO and IP-SCALE-CACHE pass |

  @IP-SCALE-CACHE
  Scenario: All replicas of a service share one cache
    When the deployed platform has been inspected
    Then a value cached through one replica is a hit through every other within 5 s
