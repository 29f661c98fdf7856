"""Files that people write: target files with their sections, experiment blocks, traces, statements."""
