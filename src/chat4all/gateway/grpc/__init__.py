"""The gRPC API `chat4all.v1`: the services of REST, in the messages of proto/chat4all/v1.

Nothing here is imported before a process is told to serve it: the library takes 0.3 s to
load and 30 MB.
"""
