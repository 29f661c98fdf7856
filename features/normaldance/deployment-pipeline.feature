Feature: Deployment pipeline
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-BG-SELECTOR
  Scenario: The selector switches colours, there and back
    When the rollout "there-and-back" has run under "visits" traffic
    Then 100 % of new connections are served by the other colour within 5 s of each switch, there and back

  @DA-BG-SERVICE
  Scenario: Visitors reach the frontend by a load balancer
    When the deployed platform has been inspected
    Then service "normaldance-service" has type LoadBalancer, maps port 80 to 3000 and has at least 3 ready endpoints

  @DA-CI-AUDIT
  Scenario: No package has a moderate vulnerability or a worse one
    When the npm audit "backend" of this commit has been read
    Then no package has a vulnerability of level moderate or higher

  @DA-CI-RUN
  Scenario: Every job of the pipeline succeeded
    When the workflow run "pipeline" of this commit has been read
    Then every job concluded with success

  @DA-CI-TRIGGER
  Scenario: A push to main deploys, and nothing else does
    When the files of the platform have been read
    Then the workflow deploys on a push to main and on nothing else

  @DA-CI-TEST
  Scenario: Nothing is deployed that was not tested
    When the files of the platform have been read
    Then the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them

  @DA-CI-SECURITY
  Scenario: Nothing is deployed that was not scanned
    When the files of the platform have been read
    Then the workflow runs a security scan and npm audit --audit-level=moderate and the deploy job needs them

  @DA-CI-STAGED
  Scenario: Production follows staging and its end-to-end tests
    When the files of the platform have been read
    Then the workflow runs staging, then test:e2e, then production in its deploy job, and stops at the first failure
