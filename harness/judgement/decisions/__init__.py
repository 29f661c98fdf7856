"""From measures to verdicts of requirements and the decision of the release; harm and waivers change it."""
