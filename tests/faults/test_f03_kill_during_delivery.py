"""F03: kill -9 while events are delivered. Each is delivered at least once, and takes effect once."""

import multiprocessing
from collections import Counter
from random import Random

import pytest

from crmkit.testing import both_databases
from tests.core.jobs.watching import Parcel, rows
from tests.faults.delivering import deliver, post_office


@both_databases
@pytest.mark.parametrize(("kills", "events"), [(4, 60), pytest.param(100, 1000, marks=pytest.mark.slow)])
def test_f03_every_event_is_delivered_and_takes_effect_once(make_crm, database, tmp_path, kills, events):
    log, chance = tmp_path / "log", Random(kills)
    log.touch()
    crm = make_crm(post_office(), database=database)
    url = crm.config.database.url
    with crm.system("test") as db:
        parcels = db.create_many([Parcel(name=str(place)) for place in range(events)])
        db.move_many(parcels, "sent")

    killed, life = 0, 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.delivering"])
    while True:
        started, before = context.Event(), len(log.read_text().split())
        child = context.Process(target=deliver, args=(url, life, str(log), started))
        child.start()
        assert started.wait(60)
        life += 1
        if killed < kills:
            wanted = before + chance.randrange(max(1, 2 * events // kills - 2))
            while child.is_alive() and len(log.read_text().split()) < wanted:
                child.join(0.001)
            child.kill()
            child.join()
            killed += 1
        else:
            child.join(300)
            assert child.exitcode == 0
            break

    with crm.system("look") as db:
        effects = Counter(parcel.name for parcel in db.find(Parcel, 'notes == "effect"'))
    wanted = {f"{position}.post.parcel_sent" for position in range(events + 1, 2 * events + 1)}
    delivered = Counter(log.read_text().split())
    assert set(delivered) == wanted
    assert effects == Counter(wanted)
    assert rows(crm) == []
    assert sum(delivered.values()) >= events
