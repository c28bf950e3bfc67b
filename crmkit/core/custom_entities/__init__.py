"""Entities that administrators make at run time."""
