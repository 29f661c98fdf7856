Feature: IoT and edge computing
  Document 001, section by section: what is measured, read from reports, vouched for, and made of these.

  Scenario Outline: <what>: made of other rows
    Then <parts>

    Examples:
      | requirement    | what                     | parts                                                                                                                    |
      | FI-IOT-PATTERN | the architecture pattern | FI-IOT-MANAGEMENT, FI-IOT-CONTINUUM, FI-IOT-LOCAL, FI-IOT-STATE and FI-IOT-SECURITY pass                                 |
      | FI-IOT-STEPS   | the steps                | FI-IOT-REGISTRY, FI-IOT-PIPELINES, FI-IOT-CONFLICTS, FI-IOT-DEPLOY-APP, FI-IOT-DEPLOY-FIRMWARE and FI-IOT-ZEROTRUST pass |
