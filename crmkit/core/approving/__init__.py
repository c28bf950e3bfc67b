"""Approvals: requests that a record may make one move, and the votes on them."""
