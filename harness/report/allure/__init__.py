"""Allure results, from the verdicts."""
