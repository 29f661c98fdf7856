Feature: Operations
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  @FI-OPS-CICD
  Scenario: The last pipeline of every component succeeded for this commit
    When the workflow run "components" of this commit has been read
    Then every job concluded with success in the last run of every name of the register "components"

  @FI-OPS-AUTOMATION
  Scenario: Nothing runs that the repository does not declare
    When the deployed platform has been inspected
    Then 0 running workloads lack a manifest in the one repository
