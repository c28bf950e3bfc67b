"""Explaining: which grant, share, restriction or mask decided, and what would change the answer."""
