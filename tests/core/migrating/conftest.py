"""Plugins that are packages on disk, and databases in which nothing is yet."""

import importlib.util
import itertools
import os
import sys
import textwrap

import pytest

from crmkit import CRM, Config, Database, Encryption, FixedClock
from crmkit.testing import NOON
from crmkit.testing.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.modules import write_module

_numbers = itertools.count(1)


@pytest.fixture
def blank(crmkit_session, database):
    """Make CRMs with the plugins given, all on one database of which `database` says the kind."""
    made, dropped, name = [], [], f"crmkit_blank_{crmkit_session.key}_{os.getpid()}_{next(_numbers)}"
    if database == "sqlite":
        url = SQLiteDatabases(crmkit_session).url(name)
    else:
        server = PostgreSQLDatabases(crmkit_session)
        server.make(name, None, None)
        url = server.url(name)
        dropped += [server.close, lambda: server.drop(name)]

    def make(*plugins):
        config = Config(database=Database(url=url), encryption=Encryption(f"tests:{'A' * 43}="))
        made.append(CRM(config, plugins=plugins, clock=FixedClock(NOON)))
        return made[-1]

    yield make
    for crm in made:
        crm.close()
    while dropped:
        dropped.pop()()


@pytest.fixture
def package(tmp_path):
    """Write a plugin package and import it; written again, it is a newer version in the same place."""
    names = []

    def write(name, entities, requires=()):
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True, exist_ok=True)
        manifest = f"Plugin(name={name!r}, version='1.0', label=Text({name!r}), requires={tuple(requires)!r})"
        write_module(
            folder / "__init__.py",
            f"from crmkit import Plugin\nfrom crmkit.core.text import Text\nPLUGIN = {manifest}\n",
        )
        write_module(folder / "hooks.py", f"NAME = {name!r}" + _HOOKS + textwrap.dedent(entities))
        fullname = f"crmkit_package_{name}_{next(_numbers)}"
        names.append(fullname)
        spec = importlib.util.spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        module = sys.modules[fullname] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield write
    for fullname in names:
        for loaded in [n for n in sys.modules if n.partition(".")[0] == fullname]:
            del sys.modules[loaded]


_HOOKS = """
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from crmkit import (Boolean, Choice, Date, DateTime, Decimals, Grant, Integer, Json, LongText, Money,
                    MultiChoice, Number, Owned, Record, Role, Target, Text as Line, any_ref, entity, extension, field,
                    hookimpl, ref)
from crmkit.core.entity import EntityInfo
from crmkit.core.text import Text

def declared():
    return [v for v in list(globals().values()) if isinstance(getattr(v, "__entity__", None), EntityInfo)
            and v.__module__ == __name__]

@hookimpl
def crmkit_register_entities():
    return declared()

@hookimpl
def crmkit_register_roles():
    grants = [Grant(c.__entity__.id, ["read"], "all") for c in declared() if not c.__entity__.host]
    return [Role(f"{NAME}.reader", Text("Reader"), grants)] if grants else []
"""
