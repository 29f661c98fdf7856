"""Declares every kind of observation, with its writers, its subject, its fields, and the rule that uses it."""

from __future__ import annotations

from harness.model.observations.chaos import *
from harness.model.observations.kinds import *
from harness.model.observations.load import *
from harness.model.observations.rollout import *
from harness.model.observations.run import *
from harness.model.observations.scale import *
from harness.model.observations.signals import *
from harness.model.observations.watch import *
