"""Watching a running system: logs, metrics and traces, with nothing in them of what stands in records."""
