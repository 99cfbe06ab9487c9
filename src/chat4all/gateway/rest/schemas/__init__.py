"""What goes over the wire, one resource each; the OpenAPI document is made from these."""
