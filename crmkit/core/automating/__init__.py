"""Automations: when something is written or due, if a rule holds, then actions; kept as data."""
