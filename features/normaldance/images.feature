Feature: Images
  Document 003, section by section: what is measured, read from reports, vouched for, and made of these.

  @DA-IMG-PRODDEPS
  Scenario: The backend image has production dependencies only
    When the CycloneDX document "backend" of this release has been read
    Then no component of scope development is listed

  @DA-IMG-NODE20
  Scenario: Node.js services run on Node.js 20
    When the files of the platform have been read
    Then every image of a Node.js service starts from node:20 and reports version 20

  Scenario Outline: <what>
    When the deployed platform has been inspected
    Then every container has <state>

    Examples:
      | requirement    | what                        | state                                                     |
      | DA-IMG-NONROOT | Containers run unprivileged | run-as-non-root equal to true and user id other than 0    |
      | DA-IMG-PINNED  | Images are pinned           | image tag other than latest                               |

  Scenario Outline: The frontend runs as its own <what>
    When the deployed platform has been inspected
    Then every container of deployment "normaldance-frontend" has <what> id equal to 1001

    Examples:
      | requirement         | what  |
      | DA-IMG-FRONTEND-UID | user  |
      | DA-IMG-FRONTEND-GID | group |
