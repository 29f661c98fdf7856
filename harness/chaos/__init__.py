"""Public façade for experiment files: actions, probes, and the recording control; loaded in chaos processes only."""
