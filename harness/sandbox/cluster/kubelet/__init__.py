"""The kubelet: turns Pods that are bound to a node into processes, probes them, and says how they are."""
