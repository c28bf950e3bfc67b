"""Policy: who may do what, and the SQL in which that is said."""
