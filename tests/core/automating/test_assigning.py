"""To whom automations give records: fair, also when many are given at once."""

from collections import Counter
from threading import Thread

from hypothesis import HealthCheck, given, settings, strategies as st

from crmkit import AutomationRun, User
from crmkit.core.automating.assigning import choose
from crmkit.core.automating.parts import LeastBusy, RoundRobin
from crmkit.core.errors import TryAgainError
from crmkit.testing import both_databases
from tests.core.automating.boxes import Box


def assign(**to):
    return {"do": "assign", "to": to}


def owners(crm):
    with crm.system("test") as db:
        return Counter(box.owner_id for box in db.find(Box))


@both_databases
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(members=st.integers(1, 4), each=st.integers(1, 4), threads=st.integers(1, 3))
def test_turns_are_fair_whoever_takes_them_at_once(make_crm, database, members, each, threads):
    from tests.core.automating.boxes import BOXES

    crm = make_crm(BOXES, database=database)
    with crm.system("test") as db:
        users = db.create_many([User(name=f"User {place}") for place in range(members)])
        box = db.create(Box(name="b"))
    way, taken = RoundRobin(users=[user.id for user in users]), []

    def take():
        for _turn in range(each):
            while True:
                try:
                    with crm.system("test") as db:
                        found = choose(db, "custom.fair", 0, way, box)
                    break
                except TryAgainError:
                    continue
            taken.append(found.user)

    running = [Thread(target=take) for _thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    counts = Counter({user.id: 0 for user in users}) + Counter(taken)
    assert sum(counts.values()) == each * threads
    shares = [counts[user.id] for user in users]
    assert max(shares) - min(shares) <= 1


@both_databases
def test_who_is_inactive_or_left_out_by_the_rule_is_skipped(crm, people, automate, worker):
    anna, bert = (people.user(name, team="Depot") for name in ("Anna", "Bert"))
    people.user("Cleo", team="Depot", is_active=False)
    dora = people.user("Dora", also=["Depot"])
    team = people.team("Depot")
    automate(assign(by="round_robin", team=str(team.id), where='name != "Bert"'))
    with crm.system("test") as db:
        db.create_many([Box(name=str(place)) for place in range(6)])
    worker.run_until_idle()
    assert owners(crm) == {anna.user_id: 3, dora.user_id: 3}
    assert bert.user_id not in owners(crm)


def test_where_nobody_is_left_the_run_fails(crm, people, automate, worker):
    people.user("Cleo", team="Depot", is_active=False)
    automate(assign(by="round_robin", team=str(people.team("Depot").id)))
    with crm.system("test") as db:
        db.create(Box(name="b"))
    worker.run_until_idle()
    with crm.system("test") as db:
        assert "there is nobody to assign to" in db.find(AutomationRun)[0].error


@both_databases
def test_least_busy_is_who_has_the_fewest_open_records(crm, people, automate, worker):
    anna, bert = people.user("Anna"), people.user("Bert")
    with crm.system("test") as db:
        db.create_many([Box(name=f"a{place}", owner_id=anna.user_id) for place in range(4)])
        sent = db.create_many([Box(name=f"b{place}", owner_id=bert.user_id) for place in range(5)])
        db.move_many(sent[:3], "sent")
    automate(assign(by="least_busy", users=[str(anna.user_id), str(bert.user_id)]), condition='name == "new"')
    with crm.system("test") as db:
        db.create_many([Box(name="new") for _place in range(4)])
    worker.run_until_idle()
    with crm.system("test") as db:
        given = Counter(box.owner_id for box in db.find(Box, 'name == "new"'))
    assert given == {bert.user_id: 3, anna.user_id: 1}


def test_open_records_may_be_those_of_a_rule(crm, people):
    anna, bert = people.user("Anna"), people.user("Bert")
    with crm.system("test") as db:
        db.create_many([Box(name="a", weight=9, owner_id=anna.user_id), Box(name="b", owner_id=bert.user_id)])
        new = db.create(Box(name="new"))
        way = LeastBusy(users=[anna.user_id, bert.user_id], open="weight > 5")
        assert choose(db, "custom.x", 0, way, new).user == bert.user_id


@both_databases
def test_first_rule_that_holds_says_who_gets_it(crm, people, boss, automate, worker):
    anna, team = people.user("Anna", team="Depot"), people.team("Depot")
    automate(
        assign(
            by="rule",
            choices=[{"when": "weight > 9", "user": str(anna.user_id)}, {"when": "weight > 5", "team": str(team.id)}],
        )
    )
    with crm.write(boss) as db:
        db.create_many([Box(name="heavy", weight=10), Box(name="medium", weight=6), Box(name="light")])
    worker.run_until_idle()
    with crm.system("test") as db:
        found = {box.name: (box.owner_id, box.team_id) for box in db.find(Box)}
    assert found["heavy"] == (anna.user_id, team.id)
    assert found["medium"] == (None, team.id)
    assert found["light"] == (boss.user_id, None)
