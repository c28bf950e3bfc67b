"""Merging: several records of one thing become one record, and can be told apart again."""
