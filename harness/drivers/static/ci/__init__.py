"""Pipelines as files: workflows of GitHub and GitLab, their jobs, steps and scripts, compared with the register of pipelines."""
