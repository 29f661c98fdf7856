"""Every kind of observation, declared with its writer, its subject, its fields, and the rule of the judge that uses it."""

from __future__ import annotations

from harness.model.observations.chaos import *
from harness.model.observations.kinds import *
from harness.model.observations.load import *
from harness.model.observations.rollout import *
from harness.model.observations.run import *
from harness.model.observations.scale import *
from harness.model.observations.signals import *
from harness.model.observations.watch import *
