"""Who is mentioned in a text: ``@Anna Berg``, ``@王芳``, or ``@[<id>]`` where a name is not enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from crmkit import Reader, User

__all__ = ["Mention", "mentions"]

# Not inside an address such as anna@example.com, and not after a backslash.
_AT = re.compile(r"(?<![A-Za-z0-9_.+\-@\\])@(?=[^\s@])")
_ID = re.compile(r"@\[([0-9a-fA-F-]{32,36})\]")
_LATIN = re.compile(r"\w", re.ASCII)
_LONGEST_NAME = 60
_MOST = 100
# A rule lists at most a thousand values.
_AT_ONCE = 500


@dataclass(frozen=True)
class Mention:
    """Somebody who is mentioned from *start* up to *end* of a text.

    *user* is ``None`` where nobody is called so whom the reader may see; *is_ambiguous* tells that several are.
    """

    start: int
    end: int
    user: User | None
    is_ambiguous: bool = False


def mentions(db: Reader, text: str) -> list[Mention]:
    r"""Return who is mentioned in *text*, of those whom the reader may see, in the order of the text.

    A name is taken as long as it can be, in upper or lower case; after a Latin one the word must end. ``\@`` and the
    middle of an e-mail address mention nobody, and only the first hundred places count. Costs one statement, and one
    more for each five hundred beginnings that may be names.
    """
    places = [found.start() for found in islice(_AT.finditer(text), _MOST)]
    ids = {place: found for place in places if (found := _id_at(text, place))}
    names = {place: list(_names_at(text, place)) for place in places if place not in ids}
    users = db.get_many(User, [id_ for id_, _end in ids.values()])
    active = {user.id: user for user in users.values() if user.is_active}
    called = _called(db, {name for some in names.values() for name in some})
    by_id = {place: Mention(place, end, active.get(id_)) for place, (id_, end) in ids.items()}
    return [by_id.get(place) or _longest(place, text, names[place], called) for place in places]


def _id_at(text: str, place: int) -> tuple[UUID, int] | None:
    found = _ID.match(text, place)
    try:
        return (UUID(found[1]), found.end()) if found else None
    except ValueError:
        return None


def _names_at(text: str, place: int) -> Iterator[str]:
    """Yield what may be the name behind the ``@`` at *place*, the longest first."""
    line = text[place + 1 : place + 1 + _LONGEST_NAME].split("\n", 1)[0]
    for length in range(len(line), 0, -1):
        name, following = line[:length], text[place + 1 + length : place + 2 + length]
        if not name[-1].isspace() and not (_LATIN.match(name[-1]) and _LATIN.match(following)):
            yield name


def _called(db: Reader, names: Iterable[str]) -> dict[str, list[User]]:
    wanted = sorted({name.casefold() for name in names})
    called: dict[str, list[User]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        rule = User.f.name.lower().in_(wanted[start : start + _AT_ONCE]) & User.f.is_active
        for user in db.find(User, rule, order_by="id"):
            called.setdefault(user.name.casefold(), []).append(user)
    return called


def _longest(place: int, text: str, names: Iterable[str], called: dict[str, list[User]]) -> Mention:
    for name in names:
        if users := called.get(name.casefold()):
            single = users[0] if len(users) == 1 else None
            return Mention(place, place + 1 + len(name), single, is_ambiguous=single is None)
    word = re.compile(r"\w*").match(text, place + 1)
    return Mention(place, word.end() if word else place + 1, None)
