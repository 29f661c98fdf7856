"""Rollouts: a candidate takes over by a product's own protocol, is followed, and is taken back. Nothing is judged here."""

from __future__ import annotations

from harness.drivers.rollout.files import load_rollout, on_target, read_rollout

__all__ = ["load_rollout", "on_target", "read_rollout"]
