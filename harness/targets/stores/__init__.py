"""Places in which backups lie, as they are read: directories, and buckets of servers with the S3 API."""
