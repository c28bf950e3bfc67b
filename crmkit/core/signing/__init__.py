"""Signatures of what passes between this CRM and other programs."""
