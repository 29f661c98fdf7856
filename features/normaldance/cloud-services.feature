Feature: Cloud services
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-AWS-TERRAFORM
  Scenario: The infrastructure is as its Terraform files say
    When the Terraform plan "infrastructure" of this target has been read
    Then the plan would make 0 changes, younger than 7 d
