"""What schemathesis is told besides its configuration: how a media type of tus is sent."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
