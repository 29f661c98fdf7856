"""The identity provider of a target: its discovery, its keys, the tokens of test users and clients, and the browsers of test users."""
