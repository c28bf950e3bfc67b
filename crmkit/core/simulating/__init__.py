"""Simulating: who would gain or lose what by a change, before it is made."""
