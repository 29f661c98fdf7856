"""Chaos Mesh in the sandbox: its resources, and a controller that does to real processes what they say."""
