"""Turning what administrators made at run time into a plugin package."""
