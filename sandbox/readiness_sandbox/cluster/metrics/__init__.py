"""What the cluster reports of itself: the metrics API, and expositions under the names of cAdvisor, the kubelet and kube-state-metrics."""
