Feature: Deployment pipeline
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-CI-AUDIT
  Scenario: No package has a moderate vulnerability or a worse one
    When the npm audit "backend" of this commit has been read
    Then no package has a vulnerability of level moderate or higher

  @DA-CI-RUN
  Scenario: Every job of the pipeline succeeded
    When the workflow run "pipeline" of this commit has been read
    Then every job concluded with success
