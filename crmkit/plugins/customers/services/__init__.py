"""What people do with customers, and what keeps their records sound."""

from __future__ import annotations

from .applying import Applied, apply_decisions
from .companies import check_parents, contacts_of, subsidiaries
from .consents import Permission, check_consents, consents_of, may_contact, record_consent
from .deciding import check_pairs, not_duplicates, told_apart
from .duplicates import Duplicate, Duplicates, find_duplicates, same_person
from .interactions import check_interactions, interactions_of, interactions_with, log_interaction
from .learning import NotEnoughToLearnError
from .overview import Overview, overview
from .reviewed import Decision, ReviewedFileError, error_file, read_reviewed, write_refused
from .searching import Method, Pair, clusters, duplicate_pairs

__all__ = [
    "Applied",
    "Decision",
    "Duplicate",
    "Duplicates",
    "Method",
    "NotEnoughToLearnError",
    "Overview",
    "Pair",
    "Permission",
    "ReviewedFileError",
    "apply_decisions",
    "check_consents",
    "check_interactions",
    "check_pairs",
    "check_parents",
    "clusters",
    "consents_of",
    "contacts_of",
    "duplicate_pairs",
    "error_file",
    "find_duplicates",
    "interactions_of",
    "interactions_with",
    "log_interaction",
    "may_contact",
    "not_duplicates",
    "overview",
    "read_reviewed",
    "record_consent",
    "same_person",
    "subsidiaries",
    "told_apart",
    "write_refused",
]
