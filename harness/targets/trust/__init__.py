"""The identity provider of a target: its discovery, its keys, and the tokens of test users and clients."""
