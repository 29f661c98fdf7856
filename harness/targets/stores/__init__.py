"""Places in which backups lie, as they are read: directories, buckets of servers with the S3 API, and resources of a cluster."""
