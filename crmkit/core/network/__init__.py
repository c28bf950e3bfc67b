"""Reaching out: where a request that somebody else's text names may go, and where it may not."""
