"""Databases: opening them, their transactions, and statements prepared once."""
