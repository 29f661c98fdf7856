"""Infrastructure as files: Terraform, Helm charts, Dockerfiles, and the settings of workloads."""
