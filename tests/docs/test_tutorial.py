"""The tutorial is followed to the letter, so that it can never fall behind."""

from pathlib import Path

import pytest

from tests.docs.pages import Reader, make_environment

PAGES = sorted(Path(__file__).parents[2].glob("docs/tutorial/[!i]*.md"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tutorial_does_what_it_says(page, tmp_path):
    Reader(tmp_path, make_environment(tmp_path)).follow(page.read_text("utf-8"))
