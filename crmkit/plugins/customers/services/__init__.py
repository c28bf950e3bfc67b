"""What people do with customers, and what keeps their records sound."""

from __future__ import annotations

from .companies import check_parents, contacts_of, subsidiaries
from .duplicates import Duplicate, Duplicates, Pair, clusters, duplicate_pairs, find_duplicates, same_person
from .interactions import check_interactions, interactions_of, interactions_with, log_interaction
from .overview import Overview, overview

__all__ = [
    "Duplicate",
    "Duplicates",
    "Overview",
    "Pair",
    "check_interactions",
    "check_parents",
    "clusters",
    "contacts_of",
    "duplicate_pairs",
    "find_duplicates",
    "interactions_of",
    "interactions_with",
    "log_interaction",
    "overview",
    "same_person",
    "subsidiaries",
]
