Feature: Monitoring
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement     | what                   | parts                                                                                                         |
      | DA-MON-APP      | application metrics    | DA-MON-APP-LATENCY, DA-MON-APP-ERRORS, DA-MON-APP-RPS and DA-MON-APP-USERS pass                               |
      | DA-MON-INFRA    | infrastructure metrics | DA-MON-INFRA-CPU, DA-MON-INFRA-MEMORY, DA-MON-INFRA-DISK, DA-MON-INFRA-NETWORK and DA-MON-INFRA-RESTARTS pass |
      | DA-MON-BUSINESS | business metrics       | DA-MON-BUSINESS-UPLOADS, DA-MON-BUSINESS-MINTS, DA-MON-BUSINESS-VOLUME and DA-MON-BUSINESS-ENGAGE pass        |
