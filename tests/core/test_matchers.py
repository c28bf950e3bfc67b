"""Matchers fit the entities that they are for, or nothing starts."""

import pytest

from crmkit import Matcher, MatchKey, PluginError
from tests.core.atelier import atelier


@pytest.mark.parametrize(
    ("entity", "field", "told"),
    [("atelier.artits", "name", "there is no entity 'atelier.artits'"), ("atelier.artist", "mail", "mail")],
)
def test_a_matcher_of_what_is_not_there_is_refused_before_anything_runs(make_crm, entity, field, told):
    def crmkit_register_matchers():
        return [Matcher(entity, [MatchKey("key", [field], lambda values: [values[field]])])]

    with pytest.raises(PluginError, match=told):
        make_crm(atelier(hooks=[crmkit_register_matchers]))
