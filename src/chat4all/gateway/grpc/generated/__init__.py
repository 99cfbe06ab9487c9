"""What `scripts/protos` makes of proto/chat4all/v1; not to be edited."""
