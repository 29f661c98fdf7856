Feature: Cloud services
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-AWS-TERRAFORM
  Scenario: The infrastructure is as its Terraform files say
    When the Terraform plan "infrastructure" of this target has been read
    Then no change would be made by the plan, younger than 7 d

  @DA-AWS-EKS-PRIVATE
  Scenario: The cluster is in private subnets
    When the files of the platform have been read
    Then every subnet of the cluster is private: 0 routes to an internet gateway

  @DA-AWS-DB
  Scenario: The database scales from 2 to 16 capacity units
    When the files of the platform have been read
    Then the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units

  @DA-AWS-NAMES
  Scenario: The cluster and the database have their names
    When the files of the platform have been read
    Then the database cluster is declared with name "normaldance-postgres", engine "aurora-postgresql" and database "normaldance", the Kubernetes cluster with name "normaldance-prod"

  @DA-AWS-ROUTE53
  Scenario: Every server of the zone answers for the public names
    When the deployed platform has been inspected
    Then every public name has equal records at every authoritative server of the zone

  @DA-AWS-EKS
  Scenario: The cluster of every region is new enough
    When the deployed platform has been inspected
    Then the Kubernetes API of every region reports version 1.28 or newer

  @DA-AWS-DB-VERSION
  Scenario: The database of every region is new enough
    When the deployed platform has been inspected
    Then the database of every region reports version 15.4 or newer

  @DA-AWS-ACM
  Scenario: The certificate of every public address is right, and not about to expire
    When the deployed platform has been inspected
    Then every public listener has a certificate that is valid for its name and for 30 more days

  @DA-AWS-WAF
  Scenario: The firewall refuses requests with patterns of attacks
    When the deployed platform has been inspected
    Then every public listener refuses 100 % of requests with SQL injection, script injection and path traversal patterns with 403

  @DA-AWS-REDIS
  Scenario: Every region has a cache that keeps what it is given
    When the deployed platform has been inspected
    Then the cache of every region that declares one answers and returns a key 1 s after it was written
