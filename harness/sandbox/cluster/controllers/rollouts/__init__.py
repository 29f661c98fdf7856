"""Argo Rollouts' controller: pure state machines for rollouts and analysis runs, and what applies them to stored objects.

The source of every behaviour is argoproj/argo-rollouts 1.8 to 1.10: `utils/rollout`, `rollout/`, `analysis/`, `utils/evaluate`.
"""
