"""Files that people write about a target: the target file with its parts and values, experiment blocks, traces, statements."""
