"""Full-text search over all entities: what is kept of records, how it is asked, and what is found."""
