"""53 teams on four levels and 212 users, the same in every world, and the four who measure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from uuid import UUID

import attrs

__all__ = ["Member", "People", "Unit"]

DIVISIONS, REGIONS, LEAVES, PER_TEAM = 2, 5, 4, 4


@attrs.frozen
class Unit:
    """One team."""

    id: UUID
    name: str
    parent: UUID | None


@attrs.frozen
class Member:
    """One user of a team, with one role."""

    id: UUID
    name: str
    team: UUID
    role: str


class People:
    """The company: a root, 2 divisions, 5 regions in each, 4 teams in each region; 4 users in each of the 53."""

    @cached_property
    def teams(self) -> list[Unit]:
        """All teams, parents first."""
        return list(_tree())

    @cached_property
    def users(self) -> list[Member]:
        """All users."""
        made: list[Member] = []
        for place, team in enumerate(self.teams):
            for seat in range(PER_TEAM):
                number = place * PER_TEAM + seat
                made.append(Member(UUID(int=0x05E0_0000 + number), f"User {number}", team.id, _role(place, seat)))
        return made

    @property
    def administrator(self) -> Member:
        """Sees everything."""
        return self.users[0]

    @property
    def manager(self) -> Member:
        """Heads a division: 26 teams, half of all records."""
        return self._first_of("Division 1")

    @property
    def salesperson(self) -> Member:
        """Heads a region: own records, five teams (a tenth of all records), and 200 records shared with her."""
        return self._first_of("Region 1.2")

    @property
    def other_users(self) -> list[Member]:
        """Those with whom records are shared beside the salesperson: they are what an index on shares has to skip."""
        return self.users[100:150]

    def _first_of(self, name: str) -> Member:
        team = next(team for team in self.teams if team.name == name)
        return next(user for user in self.users if user.team == team.id)

    def subtree(self, member: Member) -> list[UUID]:
        """Return the team of *member* and all below it."""
        found = [member.team]
        found += [team.id for team in self.teams if team.parent in found]
        for team in self.teams:
            if team.parent in found and team.id not in found:
                found.append(team.id)
        return found


def _role(place: int, seat: int) -> str:
    if place == 0:
        return "core.administrator"
    return "trade.manager" if place <= DIVISIONS and seat == 0 else "trade.sales"


def _tree() -> Iterator[Unit]:
    ids = (UUID(int=0x7EA0_0000 + number) for number in range(1 << 16))
    root = Unit(next(ids), "Company", None)
    divisions = [Unit(next(ids), f"Division {d}", root.id) for d in range(DIVISIONS)]
    regions = [
        Unit(next(ids), f"Region {number}.{r}", division.id)
        for number, division in enumerate(divisions)
        for r in range(REGIONS)
    ]
    leaves = [
        Unit(next(ids), f"Team {region.name.split()[1]}.{leaf}", region.id)
        for region in regions
        for leaf in range(LEAVES)
    ]
    yield from (root, *divisions, *regions, *leaves)
