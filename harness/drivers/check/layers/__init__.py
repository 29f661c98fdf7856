"""Layers of protection: each is switched off in turn, and what must be refused is still refused."""
