"""Shapes: how figures of one kind are decided. Numbers in, an outcome out."""
