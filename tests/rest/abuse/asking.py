"""What all abuse has in common: what it is after, and how two answers are compared."""

DEALS = "/api/v1/sales/deals"
ALL = ["read", "create", "update", "delete", "move", "transfer", "share", "export"]
CANARY = "canary-7f3a"
#: What is hidden of deals from the seller.
HIDDEN = ["amount", "lost_reason", "company_id", "description", "expected_close_on", "source"]
#: Leaves the version of a record out of a change.
ANY = {"if-match": "*"}
_PASSING = ("x-request-id", "content-length", "date")


def told(answer, name=""):
    """Return everything that *answer* tells, but for its id and *name*."""
    headers = {n: v for n, v in answer.headers.items() if n not in _PASSING and not n.startswith("ratelimit")}
    return answer.status_code, headers, answer.text.replace(name, "NAME") if name else answer.text
