"""The HTTP API: what readers and writers give, as resources. Nothing here decides who may do what."""
