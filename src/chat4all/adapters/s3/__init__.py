"""Objects in a bucket of Amazon S3, MinIO or another server that speaks the S3 API."""
