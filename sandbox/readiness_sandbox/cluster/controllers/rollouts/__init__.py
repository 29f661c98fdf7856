"""Argo Rollouts' controller.

Rollouts and analysis runs are pure state machines; the controllers apply their decisions to stored objects.

The source of every behaviour is argoproj/argo-rollouts 1.8 to 1.10: `utils/rollout`, `rollout/`, `analysis/`, `utils/evaluate`.
"""
