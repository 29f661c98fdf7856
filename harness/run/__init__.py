"""Conducts a run: plan, lock, conduct, seal, decide.

No other package knows the order of these steps.
Its public functions are `session.open_session`, which the command and the pytest plugin call, `deciding.decide_recorded` and
`project.find_project`. This file imports none of them: the pytest plugin is loaded in every pytest session, and imports only `project`.
"""
