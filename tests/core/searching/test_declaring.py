"""What can be searched is refused where it is declared, or is words."""

import pytest

from crmkit import PluginError, Record, entity, field, translator
from tests.core.searching.library import library

_ = translator("tests")


def test_only_text_can_be_declared_as_searched(make_crm):
    @entity("library.shelf", label=_("Shelf"))
    class Shelf(Record):
        width: int = field(search=True)

    with pytest.raises(PluginError, match=r"library.shelf.width: cannot be searched"):
        make_crm(library(Shelf))
