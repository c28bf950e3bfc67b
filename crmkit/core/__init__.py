"""The kernel: entities, the wall, the life of a write, rules, pipelines and loading.

It knows no plugin and no surface.
"""
