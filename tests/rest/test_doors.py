"""T33: every route is a door that says who may knock and what protects it; anything else fails boot."""

import attrs
import pytest
from litestar import get
from litestar.testing import TestClient

from crmkit.core.errors import CrmkitError
from crmkit.rest.app import DOORS, build_app
from crmkit.rest.doors import Door, DoorsError, check_doors
from crmkit.rest.replies import json_reply
from crmkit.testing import plugin

HELLO = Door(
    name="hello", method="GET", path="/hello", policy="public", csrf="safe", handler=lambda call: json_reply("hello")
)


HERE = "http://127.0.0.1"


def refused_at_start(reason):
    return pytest.RaisesGroup(pytest.RaisesExc(DoorsError, match=reason), flatten_subgroups=True)


@pytest.mark.parametrize("what", ["method", "policy", "csrf"])
@pytest.mark.parametrize("value", [None, "", "whatever"])
def test_t33_door_that_does_not_say_what_it_must_fails_boot(crm, what, value):
    with pytest.raises(DoorsError, match=f"hello: {what} is one of .*, got {value!r}"):
        build_app(crm, doors=[attrs.evolve(HELLO, **{what: value})])


def test_t33_door_cannot_leave_out_what_it_must_say():
    for left_out in ("method", "policy", "csrf"):
        given = {field.name: getattr(HELLO, field.name) for field in attrs.fields(Door) if field.name != left_out}
        with pytest.raises(TypeError, match=left_out):
            Door(**given)


def test_t33_route_that_is_no_door_fails_boot(crm):
    @get("/side", sync_to_thread=False)
    def side() -> str:
        return "in"

    app = build_app(crm)
    app.register(side)
    with refused_at_start("GET /side: is no door"), TestClient(app, base_url=HERE):
        pass


def test_t33_other_method_of_a_door_is_no_door_and_fails_boot(crm):
    @get("/api/v1/{plugin:str}/{collection:str}/{record:str}/restore", sync_to_thread=False)
    def side() -> str:
        return "in"

    app = build_app(crm)
    app.register(side)
    with refused_at_start("GET /api/v1/.*/restore: is no door"), TestClient(app, base_url=HERE):
        pass


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"method": "POST"}, "what is only read is safe"),
        ({"csrf": "checked"}, "what is only read is safe"),
        ({"method": "POST", "csrf": "exempt", "policy": "principal"}, "only what is public is exempt"),
        ({"method": "POST", "csrf": "exempt", "takes_form": True}, "what takes forms is checked"),
    ],
)
def test_t33_door_that_another_site_could_open_fails_boot(changed, reason):
    with pytest.raises(DoorsError, match=reason):
        check_doors([attrs.evolve(HELLO, **changed)])


def test_door_is_declared_once():
    with pytest.raises(DoorsError, match="hello: is declared twice"):
        check_doors([HELLO, HELLO])


def test_every_door_of_crmkit_needs_somebody_unless_it_is_public_on_purpose(api):
    check_doors(DOORS)
    for door in DOORS:
        if door.policy != "public":
            path = door.path.replace("{plugin:str}", "core").replace("{collection:str}", "users")
            path = path.replace("{record:str}", "1")
            answer = api(door.method, path)
            assert (answer.status_code, answer.json()["type"]) == (401, "urn:crmkit:problem:not-signed-in"), door.name


def test_public_door_is_opened_to_anybody(crm, make_api):
    assert make_api(crm, doors=[HELLO])("GET", "/hello").json() == "hello"


def test_answer_in_pieces_is_sent_as_it_comes(crm, make_api):
    async def pieces():
        yield b"one "
        yield b"two"

    door = attrs.evolve(HELLO, handler=lambda call: attrs.evolve(json_reply(0), body=pieces(), media_type="text/plain"))
    answer = make_api(crm, doors=[door])("GET", "/hello")
    assert (answer.text, answer.headers["content-type"]) == ("one two", "text/plain")


def test_t32_error_that_nobody_foresaw_tells_nothing(crm, make_api, caplog):
    def fail(call):
        raise RuntimeError("SELECT secret FROM table")

    answer = make_api(crm, doors=[attrs.evolve(HELLO, handler=fail)])("GET", "/hello", headers={"x-request-id": "my-1"})
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:crmkit:problem:broken"
    assert "secret" not in answer.text + str(answer.headers)
    assert "request my-1: RuntimeError" in caplog.text
    assert issubclass(DoorsError, CrmkitError)


@pytest.mark.parametrize("path", ["/api/v1/sign-in/openid", "/api/v1/sign-in/openid/callback?code=a&state=b"])
def test_door_to_a_provider_is_not_there_without_one(api, path):
    assert api("GET", path).status_code == 404


def _names_of_addresses():
    parts = {door.path.removeprefix("/api/v1/").partition("/")[0] for door in DOORS if door.path.startswith("/api/v1/")}
    return sorted(part for part in parts if not part.startswith("{") and "-" not in part)


@pytest.mark.parametrize("name", _names_of_addresses())
def test_plugin_with_the_name_of_an_address_fails_boot(make_crm, name):
    with pytest.raises(DoorsError, match=f"a plugin cannot be called '{name}': /api/v1/{name}.* is an address"):
        build_app(make_crm(plugin(name)))


def test_addresses_that_stand_beside_plugins_are_these():
    assert {"events", "imports", "jobs", "me", "search", "uploads"} <= set(_names_of_addresses())
