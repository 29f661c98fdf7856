"""The process of one experiment: how it is forked, which part of the experiment it executes, and how it runs rollbacks alone."""
