"""Accounts of acknowledged writes: recorded writes compared with the data read back, and losses that an RPO excuses."""
