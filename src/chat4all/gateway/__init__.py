"""The edges: REST, WebSocket and the web client; thin over the services."""
