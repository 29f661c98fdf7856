"""Conducts a run: plan, lock, conduct, seal, decide.

The only room that knows the order of things.
Its doors are its modules: `live.run_live`, `deciding.decide`, `table.show_plan`, `project.find_project`. This file imports none of
them, because the pytest plugin asks `project` in every suite of the machine, and must cost them nothing.
"""
