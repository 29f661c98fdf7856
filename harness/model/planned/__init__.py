"""The plan of a run, its objectives and rollouts, and values that people write in features and target files."""
