from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from crmkit.transfer.neutral import neutralise, restore


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", "\tx", "\rx", "＝1", "'=1", "''@"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert neutralise(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Acme", "O'Neill", "'tis", "a=b", "5-3"])
def test_other_text_stays(text):
    assert neutralise(text) == text
    assert restore(text) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n ax＝"), max_size=8) | st.text())
def test_restore_gives_back_what_was_neutralised(text):
    assert restore(neutralise(text)) == text
    assert not neutralise(text).startswith(("=", "+", "-", "@", "\t", "\r"))
