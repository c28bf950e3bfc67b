"""The HTTP API beside a bare endpoint: two servers on the same database, and a client that asks both in turns."""
