"""The WebSocket protocol `chat4all.v1`."""
