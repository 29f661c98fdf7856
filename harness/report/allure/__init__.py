"""The Allure report of a run, made from its verdicts."""
