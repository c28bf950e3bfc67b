"""The HTTP API as one more way to everything: what readers and writers do, done by requests."""
