"""Facts of the platform's own files: manifests, charts, Dockerfiles, rules, workflows, Terraform, registers, documents.

`read_static(asked)`-like engines: each reads what the target file names under `files`, and gives one fact a thing that was
examined. Files are foreign input: bounded, never followed through a link out of their tree, and what they do not decide is unknown.
"""
