"""The process of one experiment: how it is forked, which part it executes, and how it runs only the rollbacks."""
