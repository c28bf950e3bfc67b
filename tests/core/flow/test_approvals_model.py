"""Whatever happens between a request and the move, the move is allowed exactly where a naive model allows it."""

from datetime import timedelta

import attrs
from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import ConflictError, ForbiddenError, Money, Refusal, approvals_to_give, approve, reject, request_approval
from crmkit.core.approving.deciding import NotPendingError
from crmkit.testing import both_databases
from tests.core.flow.shop import TWO, Bid

PEOPLE = ["anna", "carl", "bo", "mia", "uma", "ada", "chief"]
DAYS = timedelta(days=1)
VOTES = st.tuples(st.just("approve"), st.sampled_from(["bo", "chief", "mia"]))
ACTS = st.one_of(
    VOTES,
    VOTES,
    st.tuples(st.sampled_from(["approve", "reject"]), st.sampled_from(PEOPLE)),
    st.tuples(st.just("discount"), st.sampled_from([20, 30])),
    st.tuples(st.just("rename"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("give to"), st.sampled_from(["anna", "bo", "mia"])),
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("request"), st.sampled_from(PEOPLE)),
)


@attrs.define
class Request:
    by: str
    values: int
    until: object
    votes: dict = attrs.field(factory=dict)


@attrs.define
class Model:
    """A bid with its requests, as the how-to describes them."""

    discount: int = 20
    owner: str = "anna"
    requests: list = attrs.field(factory=list)

    def status(self, request, now):
        if "reject" in request.votes.values():
            return "rejected"
        if request.until <= now:
            return "expired"
        if request.values != self.discount:
            return "void"
        return "approved" if len(set(request.votes) - {self.owner, request.by}) >= TWO.needed else "pending"

    def open(self, now):
        return next((r for r in self.requests if self.status(r, now) in ("pending", "approved")), None)

    def may_decide(self, who, request):
        kinds = {"bo", "uma", "ada", "chief", *(["mia"] if self.owner == "anna" else [])}
        return who in kinds and who not in (self.owner, request.by)

    def request(self, who, now):
        if self.open(now) is None:
            self.requests.append(Request(who, self.discount, now + TWO.expires))

    def vote(self, who, verdict, now):
        """Return the error that the vote on the newest request gives."""
        request = self.requests[-1]
        if not self.may_decide(who, request):
            return ForbiddenError
        if self.status(request, now) not in ("pending", "approved"):
            return NotPendingError
        if who in request.votes:
            return ConflictError
        request.votes[who] = verdict
        return None


@both_databases
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(acts=st.lists(ACTS, min_size=2, max_size=9))
def test_a_move_is_allowed_where_a_naive_model_allows_it(shop, staff, clock, acts):
    model, ids = Model(), []
    with shop.write(staff.anna) as db:
        bid = db.create(Bid(price=Money.of(1, "EUR"), discount=20))
        ids.append(request_approval(db, bid, "offered"))
    model.request("anna", clock.now())

    for act, what in acts:
        if act in ("approve", "reject"):
            wanted = model.vote(what, act, clock.now())
            assert voted(shop, getattr(staff, what), ids[-1], act) == wanted
        elif act == "wait":
            clock.advance(days=what)
        elif act == "request":
            known = len(model.requests)
            model.request(what, clock.now())
            with shop.write(getattr(staff, what)) as db:
                made = request_approval(db, bid, "offered")
            if len(model.requests) > known:
                ids.append(made)
        else:
            change(shop, staff, bid, model, act, what)

    with shop.read(staff.bo) as db:
        waiting = {state.id for state in approvals_to_give(db)} & set(ids)
    assert waiting == {
        id_
        for id_, request in zip(ids, model.requests, strict=True)
        if model.status(request, clock.now()) == "pending"
        and model.may_decide("bo", request)
        and "bo" not in request.votes
    }
    allowed = any(model.status(request, clock.now()) == "approved" for request in model.requests)
    assert moves(shop, staff.carl, bid) == allowed


def voted(shop, who, request, verdict):
    try:
        with shop.write(who) as db:
            (approve if verdict == "approve" else reject)(db, request)
    except (ForbiddenError, NotPendingError, ConflictError) as error:
        return type(error)
    return None


def change(shop, staff, bid, model, act, what):
    with shop.system("test") as db:
        now = db.get(Bid, bid.id)
        if act == "give to":
            db.transfer(now, getattr(staff, what).user_id)
            model.owner = what
        else:
            db.update(now, **{"discount" if act == "discount" else "name": what})
            model.discount = what if act == "discount" else model.discount


def moves(shop, who, bid):
    try:
        with shop.write(who) as db:
            return db.move(db.get(Bid, bid.id), "offered").stage == "offered"
    except Refusal:
        return False
