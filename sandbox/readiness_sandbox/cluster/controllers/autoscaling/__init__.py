"""The HorizontalPodAutoscaler of `autoscaling/v2`: from usage to a proposal, from proposals to a replica count, and the controller around both.

    pods, usage ─▶ proposals ─▶ behavior (windows, rate limits) ─▶ controller ─▶ scale of the target, status, events

The first two are pure and follow kubernetes/kubernetes `pkg/controller/podautoscaler` (replica_calculator.go, horizontal.go).
"""
