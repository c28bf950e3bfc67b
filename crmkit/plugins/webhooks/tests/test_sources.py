"""Messages of other programs: who may send some, and what comes of them."""

import json

import pytest

from crmkit import NotFoundError, SignatureError, UnknownFieldError, WriteRefusedError, sign_webhook, take_inbound
from crmkit.plugins.sales.entities import Lead
from crmkit.plugins.webhooks.entities import Source


def source(crm, principal, **values):
    with crm.write(principal) as db:
        return db.create(Source(**{"name": "Website", "hook": "sales.web_leads", **values}))


@pytest.fixture
def send(crm, clock):
    """Send a form to a source, and return the id of the job."""

    def send(to, secret=None, id="msg_1", **form):
        body = json.dumps(form).encode()
        headers = sign_webhook(id, clock.now(), body, [secret or to.secret])
        return take_inbound(crm, to.id, {**headers, "content-type": "application/json"}, body)

    return send


def test_form_of_a_website_becomes_a_lead_of_the_user_as_whom_its_source_acts(crm, dora, send, make_worker):
    made = source(crm, dora)
    send(made, name="Anna Snelling", email="anna@example.com", company="Acme", message="Call me")
    make_worker(crm).run_until_idle()
    with crm.read(dora) as db:
        (lead,) = db.find(Lead)
    assert (lead.name, lead.contact_name, lead.email, lead.source) == (
        "Acme",
        "Anna Snelling",
        "anna@example.com",
        "web",
    )
    assert (lead.owner_id, lead.created_by) == (dora.user_id, dora.user_id)


def test_message_that_is_sent_again_is_taken_once(crm, dora, send, make_worker):
    made, worker = source(crm, dora), make_worker(crm)
    first = send(made, name="Anna")
    worker.run_until_idle()
    assert send(made, name="Anna") == first
    # Its id is another program's own: what another source calls the same is something else.
    assert send(source(crm, dora, name="Shop"), name="Ben") != first
    worker.run_until_idle()
    with crm.read(dora) as db:
        assert sorted(lead.name for lead in db.find(Lead)) == ["Anna", "Ben"]


@pytest.mark.long
def test_nobody_listens_where_a_source_is_off_gone_or_its_user_is(crm, dora, people, send):
    off, gone, left = (source(crm, dora) for _n in range(3))
    secrets = {each.id: each.secret for each in (off, gone, left)}
    with crm.write(dora) as db:
        db.update(off, is_active=False)
        db.delete(gone)
    told = []
    for each in (off, gone):
        with pytest.raises(SignatureError) as caught:
            send(each, secrets[each.id], name="Anna")
        told.append(str(caught.value))
    with crm.system("test") as db:
        db.update(db.get(db.entity("core.user"), dora.user_id), is_active=False)
    with pytest.raises(SignatureError) as caught:
        send(left, secrets[left.id], name="Anna")
    with pytest.raises(SignatureError) as wrong:
        send(left, "whsec_" + "A" * 40, name="Anna")
    assert {*told, str(caught.value)} == {str(wrong.value)}


def test_source_acts_as_whoever_makes_it_and_its_secret_can_be_changed_with_an_overlap(crm, clock, dora, people, send):
    ben = people.user("Ben", roles=["sales.agent"])
    with pytest.raises(WriteRefusedError, match="acts as yourself"):
        source(crm, people.user("Otto", roles=["webhooks.developer", "core.member"]), acts_as_id=ben.user_id)
    made = source(crm, dora)
    with crm.write(dora) as db:
        changed = db.update(made, secret=None)
    assert changed.secret != made.secret
    assert len({send(changed, secret, id=secret[:20], name="Anna") for secret in (made.secret, changed.secret)}) == 2
    clock.advance(hours=24)
    with pytest.raises(SignatureError, match="not signed"):
        send(changed, made.secret, name="Anna")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hook": "sales.nothing"}, "no plugin takes 'sales.nothing'"),
        ({"secret": "sesame"}, "This is no secret"),
    ],
)
def test_source_that_makes_no_sense_is_refused(crm, dora, values, said):
    with pytest.raises(WriteRefusedError, match=said):
        source(crm, dora, **values)


def test_operator_sees_sources_without_secrets(crm, dora, people):
    made, olga = source(crm, dora), people.user("Olga", roles=["webhooks.operator"])
    with crm.write(olga) as db:
        seen = db.get(Source, made.id)
        with pytest.raises(UnknownFieldError):
            assert seen.secret
        with pytest.raises(WriteRefusedError, match="acts as yourself"), db.attempt():
            db.update(seen, acts_as_id=olga.user_id)
        db.update(seen, is_active=False)
    with crm.read(people.user("Rita", roles=["webhooks.developer"])) as db, pytest.raises(NotFoundError):
        db.get(Source, made.id)
