"""What a run must prove and how: the plan, its objectives and rollouts, and the values that people write in features and target files."""
