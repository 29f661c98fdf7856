"""The kubelet: runs the Pods of a node as processes, probes them, reports their status."""
