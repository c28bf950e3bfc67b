"""crmkit measured against the same work written by hand: ``python -m benchmarks``, or ``make bench``.

Each figure is a ratio to SQLAlchemy ``text()`` on the same connection pool, in the same tables, with the same
durability; both sides take turns in short slices, because a machine's speed changes by the second.
"""
