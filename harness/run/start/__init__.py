"""The steps before the first request of a run: the target is started and probed, and the machine is measured."""
