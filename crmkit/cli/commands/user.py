"""``crmkit user``: people, their teams and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.credentials import invite, link, reset_password, reset_second_factor, set_password, sign_out
from crmkit.cli.offboarding import offboard
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session, unorphaned
from crmkit.core.errors import CrmkitError, ForbiddenError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit import Assignment, Membership, Reader, Team, User

__all__ = ["NoMemberError", "command"]

_COLUMNS = {
    "id": _("Id"),
    "name": _("Name"),
    "email": _("E-mail"),
    "team": _("Team"),
    "further_teams": _("Also in"),
    "roles": _("Roles"),
    "kind": _("Kind"),
    "is_active": _("Active"),
    "time_zone": _("Time zone"),
    "locale": _("Language"),
}


class NoMemberError(CrmkitError):
    """Somebody was to leave a team into which no membership has put them."""

    code = "no-member"
    template = _("{name} has no membership of the team {team}. The home team is changed by: crmkit user change --team")

    def __init__(self, name: str, team: str) -> None:
        """Name the person and the *team*."""
        super().__init__(name=name, team=team)


@click.group("user", help=COMMANDS["user"])
def command() -> None:
    """Group what concerns people."""


command.add_command(offboard)
for _of_credentials in (set_password, invite, reset_password, sign_out, reset_second_factor, link):
    command.add_command(_of_credentials)


@command.command("list", help=_("List the users with their teams and roles."))
@click.option("--all", "everybody", is_flag=True, help=_("List those who are not active as well."))
@click.pass_obj
def _list(session: Session, everybody: bool) -> None:
    from crmkit import User

    with session.reader() as db:
        users = db.find(User, None if everybody else "is_active", order_by="name")
        rows = _described(db, users)
    names = ["name", "email", "team", "roles", *(["is_active"] if everybody else [])]
    session.show(rows, columns={name: _COLUMNS[name] for name in names})


def _described(db: Reader, users: list[User]) -> list[dict[str, Any]]:
    from crmkit import Assignment, Membership, Team

    teams = {team.id: team.name for team in db.find(Team)}
    further: dict[Any, list[str]] = {}
    if {"user_id", "team_id"} <= db.readable_fields(Membership):
        for membership in db.find(Membership):
            further.setdefault(membership.user_id, []).append(teams.get(membership.team_id, str(membership.team_id)))
    roles: dict[Any, list[str]] = {}
    if "role" in db.readable_fields(Assignment):
        for assignment in db.find(Assignment):
            roles.setdefault(assignment.user_id, []).append(assignment.role)
    return [
        {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "team": teams.get(user.team_id) if user.team_id else None,
            "further_teams": sorted(further.get(user.id, ())),
            "roles": sorted(roles.get(user.id, ())),
            "kind": user.kind,
            "is_active": user.is_active,
            "time_zone": user.time_zone,
            "locale": user.locale,
        }
        for user in users
    ]


@command.command("show", help=_("Show one user."))
@click.argument("person")
@click.pass_obj
def _show(session: Session, person: str) -> None:
    from crmkit.cli.people import find_user

    with session.reader() as db:
        _show_user(session, db, find_user(db, person))


def _show_user(session: Session, db: Reader, user: User) -> None:
    session.show(_described(db, [user])[0], columns=_COLUMNS)


@command.command("create", help=_("Create a user. Nobody gets a role by default, except that of a member."))
@click.argument("name")
@click.option("--email", help=_("E-mail address."))
@click.option("--team", metavar="TEAM", help=_("Home team: its name or id."))
@click.option("--role", "roles", multiple=True, metavar="ROLE", help=_("A role to assign. May be repeated."))
@click.option("--time-zone", help=_("Time zone. Default: the company's."))
@click.option("--language", help=_("Language. Default: the company's."))
@click.option("--service", is_flag=True, help=_("Make a service account: a program acts as it, and nobody signs in."))
@click.pass_obj
def _create(
    session: Session,
    name: str,
    email: str | None,
    team: str | None,
    roles: tuple[str, ...],
    time_zone: str | None,
    language: str | None,
    service: bool,
) -> None:
    from crmkit import Assignment, User
    from crmkit.cli.people import find_team
    from crmkit.core.configuration import checks

    company = session.settings.config.company
    _checked("--time-zone", checks.time_zone, time_zone)
    _checked("--language", checks.locale, language)
    with unorphaned(session) as db:
        _check_roles(db, roles)
        user = db.create(
            User(
                name=name,
                email=email,
                team_id=find_team(db, team).id if team else None,
                time_zone=time_zone or company.time_zone,
                locale=language or company.locale,
                kind="service" if service else "person",
            )
        )
        wanted = dict.fromkeys(("core.member", *roles))
        db.create_many([Assignment(user_id=user.id, role=role) for role in wanted])
        _show_user(session, db, user)


def _checked(where: str, check: Any, value: str | None) -> None:
    from crmkit.core.configuration.checks import Unacceptable
    from crmkit.core.errors import ConfigurationError

    try:
        if value is not None:
            check(value)
    except Unacceptable as error:
        raise ConfigurationError(where, error.message, **error.facts) from None


def _check_roles(db: Reader, roles: tuple[str, ...]) -> None:
    from crmkit.cli.people import UnknownRoleError
    from crmkit.core.writing.policy import known_roles

    known = known_roles(db)
    for role in roles:
        if role not in known:
            raise UnknownRoleError(role, known)


def _activation(name: str, active: bool, help: str) -> None:
    @command.command(name, help=help)
    @click.argument("person")
    @click.pass_obj
    def change(session: Session, person: str) -> None:
        from crmkit.cli.people import check_not_last, find_user

        with unorphaned(session) as db:
            user = find_user(db, person)
            if not active:
                check_not_last(session, user)
            _show_user(session, db, db.update(user, is_active=active))


_activation("activate", True, _("Let somebody act again."))
_activation("deactivate", False, _("Stop somebody from acting. What they own stays theirs until it is transferred."))


@command.command("change", help=_("Change what is known of PERSON."))
@click.argument("person")
@click.option("--name", help=_("What the person is called."))
@click.option("--email", help=_("E-mail address."))
@click.option("--team", metavar="TEAM", help=_("Home team: its name or id. An empty text takes it away."))
@click.option("--time-zone", help=_("Time zone."))
@click.option("--language", help=_("Language."))
@click.pass_obj
def _change(session: Session, /, person: str, team: str | None, language: str | None, **given: str | None) -> None:
    from crmkit.cli.people import find_team, find_user

    with unorphaned(session) as db:
        user = find_user(db, person)
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if language is not None:
            values["locale"] = language
        if team is not None:
            values["team_id"] = find_team(db, team).id if team else None
        _show_user(session, db, db.update(user, values))


@command.command("join", help=_("Put PERSON into a further TEAM beside the home team."))
@click.argument("person")
@click.argument("team")
@click.pass_obj
def _join(session: Session, person: str, team: str) -> None:
    from crmkit import Membership
    from crmkit.cli.people import find_team, find_user

    with unorphaned(session) as db:
        user, joined = find_user(db, person), find_team(db, team)
        if not _memberships(db, user, joined):
            db.create(Membership(user_id=user.id, team_id=joined.id))
        _show_user(session, db, user)


@command.command("leave", help=_("Take PERSON out of a further TEAM."))
@click.argument("person")
@click.argument("team")
@click.pass_obj
def _leave(session: Session, person: str, team: str) -> None:
    from crmkit.cli.people import find_team, find_user

    with unorphaned(session) as db:
        user, left = find_user(db, person), find_team(db, team)
        memberships = _memberships(db, user, left)
        if not memberships:
            raise NoMemberError(user.name, left.name)
        db.delete_many(memberships)
        _show_user(session, db, user)


def _memberships(db: Reader, user: User, team: Team) -> list[Membership]:
    from crmkit import Membership

    return db.find(Membership, (Membership.f.user_id == user.id) & (Membership.f.team_id == team.id))


@command.command("assign", help=_("Give PERSON a ROLE."))
@click.argument("person")
@click.argument("role")
@click.pass_obj
def _assign(session: Session, person: str, role: str) -> None:
    from crmkit import Assignment
    from crmkit.cli.people import find_user

    with unorphaned(session) as db:
        _check_roles(db, (role,))
        user = find_user(db, person)
        if role not in [held.role for held in _held(db, user)]:
            db.create(Assignment(user_id=user.id, role=role))
        _show_user(session, db, user)


def _held(db: Reader, user: User) -> list[Assignment]:
    """Return what gives *user* roles.

    Raises:
        ForbiddenError: whoever reads may not know who has which role.
    """
    from crmkit import Assignment

    if "role" not in db.readable_fields(Assignment):
        raise ForbiddenError("core.assignment", "read", user.name)
    return db.find(Assignment, Assignment.f.user_id == user.id)


@command.command("unassign", help=_("Take a ROLE from PERSON."))
@click.argument("person")
@click.argument("role")
@click.pass_obj
def _unassign(session: Session, person: str, role: str) -> None:
    from crmkit.cli.people import ADMINISTRATOR, UnknownRoleError, check_not_last, find_user

    with session.writer() as db:
        user = find_user(db, person)
        held = _held(db, user)
        if role not in [assignment.role for assignment in held]:
            raise UnknownRoleError(role, [assignment.role for assignment in held])
        if role == ADMINISTRATOR:
            check_not_last(session, user)
        db.delete_many([assignment for assignment in held if assignment.role == role])
        _show_user(session, db, user)


@command.command("roles", help=_("List the roles that can be assigned, with the plugin each comes from."))
@click.pass_obj
def _roles(session: Session) -> None:
    from crmkit.core.policy.people import RoleRecord

    with session.reader() as db:
        rows: list[dict[str, Any]] = [
            {"role": role.id, "label": role.label, "plugin": role.id.partition(".")[0]}
            for role in session.crm.registry.roles.values()
        ]
        rows += [{"role": role.name, "label": role.label, "plugin": None} for role in db.find(RoleRecord)]
    session.show(rows, columns={"role": _("Role"), "label": _("Label"), "plugin": _("Plugin")})
