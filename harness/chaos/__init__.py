"""The public façade for experiment files: actions, probes, and the control that records. Loaded in chaos processes only."""
