"""The call matrix: every operation is called with each credential that must be refused, and with a right one."""
