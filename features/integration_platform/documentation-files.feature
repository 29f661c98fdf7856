Feature: Documentation files
  Document 004, section by section: what is measured, read from reports, vouched for, and made of these.

  @IP-DOC-README
  Scenario: The README follows every change
    When the files of the platform have been read
    Then the README is changed by every change of a file in its directory, over the last 100 changes

  @IP-DOC-INDEX
  Scenario: The README lists what is there
    When the files of the platform have been read
    Then the README lists every file of its directory and no other

  @IP-DOC-DATE
  Scenario: The README's date is true
    When the files of the platform have been read
    Then the README has the date of its own newest change

  @IP-DOC-REPORT
  Scenario: The data layer report is complete
    When the files of the platform have been read
    Then the data layer report contains its 7 named sections, none of them empty

  @IP-DOC-ROADMAP
  Scenario: The integration roadmap is complete
    When the files of the platform have been read
    Then the integration roadmap contains its 7 named sections, none of them empty
