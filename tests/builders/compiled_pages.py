"""The templates of the report, compiled: a quarter of a second that no process forked from one with this module needs."""

from harness.report.html.page import environment

for name in environment().list_templates(extensions=["j2"]):
    environment().get_template(name)
