"""Approvals: who may give them, what they are for, and when they end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from crmkit import (
    Approval,
    ConflictError,
    DeclarationError,
    ForbiddenError,
    Grant,
    Mask,
    Money,
    NotFoundError,
    Refusal,
    TryAgainError,
    UnknownFieldError,
    approvals,
    approvals_to_give,
    approve,
    reject,
    request_approval,
)
from crmkit.core.approving.deciding import NotPendingError
from crmkit.core.approving.entities import ApprovalRequest, ApprovalVote
from crmkit.core.approving.requesting import NoApprovalNeededError
from crmkit.core.fields import Target
from crmkit.testing import People, both_databases
from tests.core.flow.shop import Bid

EURO = Money.of(100, "EUR")


@pytest.fixture
def bid(shop, staff):
    with shop.write(staff.anna) as db:
        return db.create(Bid(price=EURO, discount=20))


@pytest.fixture
def request_id(shop, staff, bid):
    with shop.write(staff.anna) as db:
        return request_approval(db, bid, "offered", note="A large order.")


def give(shop, who, request, say=approve):
    with shop.write(who) as db:
        return say(db, request)


def offer(shop, who, bid):
    with shop.write(who) as db:
        return db.move(db.get(Bid, bid.id), "offered")


@both_databases
def test_enough_approvals_allow_the_move_once(shop, staff, bid, request_id):
    with pytest.raises(Refusal, match="an approval is missing"):
        offer(shop, staff.anna, bid)
    assert give(shop, staff.bo, request_id) == "pending"
    with pytest.raises(Refusal):
        offer(shop, staff.anna, bid)
    assert give(shop, staff.chief, request_id) == "approved"
    assert offer(shop, staff.anna, bid).stage == "offered"
    with shop.write(staff.anna) as db:
        db.move(db.get(Bid, bid.id), "draft")
        assert [state.status for state in approvals(db, bid)] == ["used"]
    with pytest.raises(Refusal, match="an approval is missing"):
        offer(shop, staff.anna, bid)


def test_a_refusal_says_who_may_approve(shop, staff, bid):
    with pytest.raises(Refusal) as caught:
        offer(shop, staff.anna, bid)

    told = "approval is needed by 2 of: Chief, Auditor, the lead of its team, the manager of its owner, Uma"
    assert told in str(caught.value)
    assert caught.value.approvals[0].needed == 2


def test_a_refusal_does_not_name_people_whom_the_mover_does_not_see(shop):
    people = People(shop)
    alone = people.user("Alone", roles=["shop.seller"], team="West", member=False)
    people.user("Uma", email="uma@example.org")
    with shop.write(alone) as db:
        bid = db.create(Bid(discount=20))
        with pytest.raises(Refusal) as caught:
            db.move(bid, "offered")
    assert "Uma" not in str(caught.value)
    assert "somebody you may not see" in str(caught.value)


def test_where_the_rule_does_not_hold_no_approval_is_needed(shop, staff):
    with shop.write(staff.anna) as db:
        assert db.move(db.create(Bid(discount=10)), "offered").stage == "offered"


def test_who_may_not_see_why_is_told_that_something_is_in_the_way(shop):
    people = People(shop)
    verbs = ["read", "create", "move"]
    people.role("half", [Grant("shop.bid", verbs, "all")], [Mask("shop.bid", ["discount"])])
    with shop.system("test") as db:
        bid = db.create(Bid(discount=20))
    with pytest.raises(Refusal) as caught:
        offer(shop, people.user("Half", roles=["half"]), bid)
    assert "something that you may not see is in the way" in str(caught.value)
    assert caught.value.approvals == ()


@pytest.mark.parametrize("who", ["bo", "mia", "uma", "ada", "chief"])
def test_each_kind_of_approver_may_approve(shop, staff, request_id, who):
    assert give(shop, getattr(staff, who), request_id) == "pending"


def test_nobody_else_may_approve(shop, staff, request_id):
    with pytest.raises(ForbiddenError, match="you may not approve"):
        give(shop, staff.carl, request_id)
    # Who does not see the record does not know of the request.
    with pytest.raises(NotFoundError):
        give(shop, staff.stranger, request_id)


@pytest.mark.parametrize("say", [approve, reject])
def test_nobody_approves_what_they_own_or_requested(shop, staff, bid, say):
    with shop.write(staff.bo) as db:
        asked = request_approval(db, bid, "offered")
    with pytest.raises(ForbiddenError):
        give(shop, staff.bo, asked, say)
    with shop.system("test") as db:
        own = db.create(Bid(discount=20, owner_id=staff.chief.user_id))
        other = request_approval(db, own, "offered")
    with pytest.raises(ForbiddenError):
        give(shop, staff.chief, other, say)


def test_the_vote_of_who_owns_the_record_by_now_does_not_count(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)
    give(shop, staff.uma, request_id)
    with shop.system("test") as db:
        db.transfer(db.get(Bid, bid.id), staff.bo.user_id)
    with pytest.raises(Refusal, match="an approval is missing"):
        offer(shop, staff.anna, bid)


@both_databases
def test_what_was_approved_is_void_once_it_has_changed(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)
    give(shop, staff.chief, request_id)
    with shop.write(staff.anna) as db:
        bid = db.update(db.get(Bid, bid.id), discount=30)
        with pytest.raises(Refusal, match="an approval is missing"):
            db.move(bid, "offered")
        assert [state.status for state in approvals(db, bid)] == ["void"]
    with pytest.raises(NotPendingError, match="void"):
        give(shop, staff.uma, request_id)
    with shop.write(staff.anna) as db:
        # What does not count may change; what counts may come back.
        bid = db.update(db.get(Bid, bid.id), discount=20, name="Renamed")
        assert db.move(bid, "offered").stage == "offered"


@both_databases
def test_a_rejection_ends_the_request(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)
    give(shop, staff.chief, request_id)
    with shop.write(staff.uma) as db:
        assert reject(db, request_id, note="Too much.") == "rejected"
    with pytest.raises(Refusal):
        offer(shop, staff.anna, bid)
    with pytest.raises(NotPendingError, match="rejected"):
        give(shop, staff.ada, request_id)
    with shop.write(staff.anna) as db:
        assert request_approval(db, bid, "offered") != request_id


def test_a_request_expires(shop, staff, bid, request_id, clock):
    give(shop, staff.bo, request_id)
    give(shop, staff.chief, request_id)
    clock.advance(days=5)
    with pytest.raises(Refusal):
        offer(shop, staff.anna, bid)
    with pytest.raises(NotPendingError, match="expired"):
        give(shop, staff.uma, request_id)


def test_one_open_request_is_enough(shop, staff, bid, request_id):
    with shop.write(staff.carl) as db:
        assert request_approval(db, bid, "offered") == request_id


def test_a_second_vote_of_the_same_person_is_refused(shop, staff, request_id):
    give(shop, staff.bo, request_id)
    with pytest.raises(ConflictError):
        give(shop, staff.bo, request_id)


def test_an_approval_is_for_one_record(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)
    give(shop, staff.chief, request_id)
    with shop.write(staff.anna) as db:
        other = db.create(Bid(price=EURO, discount=20))
        with pytest.raises(Refusal, match="an approval is missing"):
            db.move(other, "offered")


def test_only_moves_that_need_one_are_requested(shop, staff, bid):
    with shop.write(staff.anna) as db:
        for stage in ("won", "lost", "nosuch"):
            with pytest.raises(NoApprovalNeededError):
                request_approval(db, bid, stage)
    with shop.write(staff.stranger) as db, pytest.raises(NotFoundError):
        request_approval(db, bid, "offered")


def test_who_may_not_move_a_record_requests_nothing(shop, bid):
    people = People(shop)
    people.role("looker", [Grant("shop.bid", ["read"], "all")])
    with shop.write(people.user("Looker", roles=["looker"])) as db, pytest.raises(ForbiddenError, match="move"):
        request_approval(db, bid, "offered")


@both_databases
def test_requests_wait_for_those_who_may_decide(shop, staff, bid, request_id):
    waiting = {}
    for name in ("anna", "bo", "carl", "chief", "stranger"):
        with shop.read(getattr(staff, name)) as db:
            waiting[name] = [state.id for state in approvals_to_give(db)]
    assert waiting == {"anna": [], "bo": [request_id], "carl": [], "chief": [request_id], "stranger": []}
    give(shop, staff.bo, request_id)
    with shop.read(staff.bo) as db:
        assert approvals_to_give(db) == []
        (state,) = approvals(db, bid)
    assert (state.status, state.needed, state.approved, state.note) == ("pending", 2, 1, "A large order.")
    assert state.requested_by == staff.anna.user_id


@pytest.mark.parametrize("hidden", ["stage", "pipeline"])
def test_who_may_not_know_the_stage_knows_of_no_request(shop, staff, bid, request_id, hidden):
    people = People(shop)
    grants = [Grant("shop.bid", ["read", "move"], "all")]
    people.role("half", grants, [Mask("shop.bid", [hidden])])
    with shop.write(people.user("Half", roles=["half", "Auditor"])) as db:
        assert approvals_to_give(db) == []
        with pytest.raises(UnknownFieldError):
            approvals(db, bid)
        with pytest.raises(NotFoundError):
            approve(db, request_id)
        with pytest.raises(NotFoundError):
            request_approval(db, bid, "offered")


def test_not_even_an_administrator_writes_approvals_past_the_steps(shop, staff, bid, request_id):
    admin = People(shop).user("Admin", roles=["core.administrator"])
    with shop.write(admin) as db:
        forged = ApprovalRequest(
            record=Target("shop.bid", bid.id), pipeline="shop.home", source="draft", target="offered", digest="x"
        )
        request = db.get(ApprovalRequest, request_id)
        vote = ApprovalVote(approval_id=request_id, user_id=staff.bo.user_id, verdict="approve")
        for act in (
            lambda: db.create(forged),
            lambda: db.create(vote),
            lambda: db.update(request, used_at=None, target="won"),
            lambda: db.delete(request),
        ):
            with pytest.raises(ForbiddenError):
                act()
        assert [entry.kind for entry in db.history(request)] == ["create"]


@pytest.mark.parametrize("options", [{}, {"needed": 0, "roles": ["a"]}, {"needed": 2, "users": ["a@b.c"]},
                                     {"roles": ["a"], "expires": timedelta(0)}])  # fmt: skip
def test_an_approval_that_nobody_could_give_is_refused(options):
    with pytest.raises(DeclarationError):
        Approval(**options)


# Several at once.


def at_once(*tasks):
    """Run *tasks* at the same time, each again while the database asks for it, and return their results or errors."""

    def run(task):
        while True:
            try:
                return task()
            except TryAgainError:
                continue
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


@both_databases
def test_two_approvers_at_once_make_two_approvals(shop, staff, bid, request_id):
    told = at_once(
        lambda: give(shop, staff.bo, request_id),
        lambda: give(shop, staff.chief, request_id),
    )

    assert sorted(told) == ["approved", "pending"]
    assert offer(shop, staff.anna, bid).stage == "offered"


@both_databases
def test_one_approver_in_two_windows_votes_once(shop, staff, bid, request_id):
    told = at_once(lambda: give(shop, staff.bo, request_id), lambda: give(shop, staff.bo, request_id))

    assert sorted(map(str, told))[1] == "pending"
    with shop.read(staff.anna) as db:
        assert approvals(db, bid)[0].approved == 1


@both_databases
def test_an_approval_never_lets_through_what_changed_meanwhile(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)

    def change():
        with shop.write(staff.anna) as db:
            return db.update(db.get(Bid, bid.id), discount=90)

    at_once(lambda: give(shop, staff.chief, request_id), change)

    with pytest.raises(Refusal, match="an approval is missing"):
        offer(shop, staff.anna, bid)


@both_databases
def test_one_approval_lets_one_of_two_moves_through(shop, staff, bid, request_id):
    give(shop, staff.bo, request_id)
    give(shop, staff.chief, request_id)

    told = at_once(*[lambda: offer(shop, staff.anna, bid) for _each in range(4)])

    assert len([each for each in told if isinstance(each, Bid)]) == 1
