"""Writing: the life of a write, from a caller's values to the ledger."""
