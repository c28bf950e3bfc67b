import pytest

from crmkit import CustomField, Grant, Mask, personal_data


@pytest.fixture
def fields(crm, officer):
    with crm.read(officer) as db:
        return {(found.entity, found.field): found for found in personal_data(db)}


def test_every_declared_field_is_there_with_its_purpose_and_plugin(fields):
    name, nick = fields["customers.contact", "name"], fields["customers.contact", "club.nickname"]

    assert (str(name.label), name.purpose, name.plugin) == ("Name", "contacting the person", "customers")
    assert (nick.purpose, nick.plugin) == ("membership", "club")
    assert ("sales.deal", "amount") not in fields


def test_the_way_from_a_record_to_the_person_is_told(fields):
    assert fields["customers.contact", "name"].people["customers.contact"] == ""
    assert fields["sales.lead", "email"].people == {"sales.lead": "", "customers.contact": "contact"}
    comment = fields["workspace.comment", "body"].people
    assert comment["customers.contact"] == "regarding"
    assert fields["club.invoice", "address"].people == {"customers.contact": "contact"}


def test_what_an_erasure_leaves_is_told_with_the_reason(fields):
    assert str(fields["club.invoice", "tax_number"].kept) == "the tax office asks for it"
    assert fields["customers.contact", "email"].kept is None


def test_fields_made_at_run_time_are_in_it(crm, officer):
    with crm.write(officer) as db:
        shoe = {"key": "shoe", "type": "text", "label": "Shoe", "personal": True, "purpose": "shoes"}
        db.create(CustomField(entity="customers.contact", **shoe))
    with crm.read(officer) as db:
        (shoe,) = [found for found in personal_data(db) if found.field == "custom.shoe"]
        assert (shoe.purpose, shoe.plugin) == ("shoes", "core")


def test_a_hidden_field_is_not_in_it(crm, people):
    grants, masks = [Grant("customers.contact", ["read"], "all")], [Mask("customers.contact", ["email"])]
    reader = people.user("Rita", member=False, roles=[people.role("reading", grants, masks)])
    with crm.read(reader) as db:
        names = {(found.entity, found.field) for found in personal_data(db)}
    assert ("customers.contact", "phone") in names
    assert ("customers.contact", "email") not in names
    assert {entity for entity, _field in names} == {"customers.contact"}
