"""The controllers: each writes the difference between actual and desired state."""
