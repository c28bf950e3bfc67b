"""Offboarding: what somebody who leaves has goes to others, in one transaction, and may be given back."""
