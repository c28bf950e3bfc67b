"""Pipelines that administrators edit: drafts, what publishing them would do, and the versions that are published."""
