Feature: The named risks do not come true
  What the integration strategy fears, and what the platform does against it.
  A ledger of numbered writes runs beside the traffic; after each fault it is compared with the database itself.

  @ND-RISK-SECURITY
  Scenario: The other layers refuse what one no longer does
    When the deployed platform has been inspected
    Then every foreign call is refused with any one of gateway check, token check and network policy off

  @ND-RISK-DATALOSS
  Scenario: No pod, node or network fault loses a write
    When every experiment of domain pod or node has run under "everyday" traffic
    And the experiment "network-partition" has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain pod, node or network

  @ND-RISK-DATALOSS @profile-core
  Scenario: No pod or node fault loses a write
    When every experiment of domain pod or node has run under "everyday" traffic
    Then no acknowledged write is lost in any experiment of domain pod, node or network

  @ND-RISK-PERFORMANCE
  Scenario: Three times as many users are served as well
    When "spike" traffic has run
    Then the response time p95 is below 200 ms again within 10 min of a spike to 3 times everyday traffic

  Scenario Outline: <what>: a <role> vouches for it
    Then <role> vouches for it, for this release, not longer than <age> ago

    Examples:
      | requirement      | what                                  | role              | age  |
      | ND-RISK-ADOPTION | user resistance: training and support | product-owner     | 90 d |
      | ND-RISK-BUDGET   | budget overruns: regular monitoring   | programme-manager | 90 d |
      | ND-RISK-TIMELINE | timeline delays: agile methodology    | programme-manager | 90 d |
      | ND-RISK-SCOPE    | scope creep: change control process   | programme-manager | 90 d |

  @ND-RISK-CACHING
  Scenario: Nobody notices that the cache is gone
    When the experiment "service-loss-cache" has run under "everyday" traffic
    Then with the cache gone no request fails and the response time p95 is below 1000 ms during the fault
