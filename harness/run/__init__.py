"""Conducts a run: plan, lock, conduct, seal, decide.

The only room that knows the order of things.
Its doors are its modules: `session.open_session`, which the command and the pytest plugin call, `deciding.decide_recorded`,
`project.find_project`. This file imports none of them, because the pytest plugin asks `project` in every suite of the machine, and must cost them nothing.
"""
