"""The evidence of a run in an S3 bucket: sent while it is recorded, and brought back to be judged."""
