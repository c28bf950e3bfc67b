"""Faults behind the HTTP API: whatever breaks, an answer tells the truth, and what was sent again is done once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from crmkit.backup.making import make_backup
from crmkit.backup.restoring import restore_backup
from crmkit.backup.sealing import Key
from crmkit.testing import People, both_databases
from tests.faults.agreement import check_agreement
from tests.faults.failing_driver import failing
from tests.faults.till import TILL

ORDERS = "/api/v1/till/orders"
KEY = Key(b"correct horse battery staple", cost=4)


@pytest.fixture
def ada(crm):
    return People(crm).user("Ada", roles=["core.administrator"])


def placed(api, ada, name, key):
    """Ask for an order, once, however often this is called with the same *key*."""
    return api("POST", ORDERS, ada, json={"name": name}, headers={"idempotency-key": key})


@both_databases
@pytest.mark.parametrize("when", ["before", "after"])
def test_f04_answer_is_true_whichever_call_to_the_database_fails(crm, api, ada, when):
    for calls in count():
        name = f"order-{calls}"
        with failing(crm, calls, when) as countdown:
            answer = placed(api, ada, name, name)
        stored = check_agreement(crm)
        if answer.status_code == 201:
            assert stored[name] == "open"
            break
        assert (countdown.fired, answer.status_code) == (True, 503)
        assert "retry-after" in answer.headers
        # The commit may have gone through, and its answer been lost; sent again, it is done once all the same.
        assert placed(api, ada, name, name).status_code == 201
        assert list(check_agreement(crm)).count(name) == 1
    assert calls > 5
    assert sorted(check_agreement(crm)) == sorted(f"order-{n}" for n in range(calls + 1))


@pytest.mark.slow
@both_databases
def test_f09_eight_clients_change_one_record_and_none_of_their_changes_is_lost(crm, api, ada):
    threads, times = 8, 10
    record = placed(api, ada, "hot", "hot").json()
    path = f"{ORDERS}/{record['id']}"
    stale = []

    def work(_number):
        for _turn in range(times):
            while True:
                seen = api("GET", path, ada)
                more, sent = {"total": seen.json()["total"] + 1}, {"if-match": seen.headers["etag"]}
                changed = api("PATCH", path, ada, json=more, headers=sent)
                assert changed.status_code in (200, 412), changed.text
                if changed.status_code == 200:
                    break
                stale.append(changed.json()["type"])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))

    assert api("GET", path, ada).json()["total"] == threads * times
    assert set(stale) == {"urn:crmkit:problem:stale"}
    check_agreement(crm)


@pytest.mark.slow
@both_databases
def test_f16_backup_made_while_clients_write_has_all_that_was_answered_before(
    crm, api, ada, make_crm, database, tmp_path
):
    end, answered = threading.Event(), []

    def work(number):
        for turn in count():
            if end.is_set():
                return
            name = f"{number}-{turn}"
            assert placed(api, ada, name, name).status_code == 201
            answered.append(name)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(work, number) for number in range(3)]
        try:
            while len(answered) < 20:
                assert not any(each.done() for each in working)
            before = set(answered)
            made = make_backup(crm, tmp_path / "crm.backup", KEY)
        finally:
            end.set()
    for each in working:
        each.result()
    restored = make_crm.blank(TILL, database=database)
    restore_backup(restored, made.file, KEY)

    assert before <= set(check_agreement(restored)) <= set(check_agreement(crm)) == set(answered)
