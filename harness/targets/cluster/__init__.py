"""Access to a target's cluster: kubeconfig and certificates, commands in containers, workloads, selectors and quantities."""
