"""Checks of sign-ins, sessions, passwords and roles: each has calls that must be let in beside those that must be refused."""
