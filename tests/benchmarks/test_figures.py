"""The benchmarks compare like with like: whoever changes what a write leaves behind also changes it by hand."""

import pytest

from benchmarks.__main__ import main

GROUPS = ("get", "funnel", "create", "update", "move", "import", "events")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_both_sides_of_a_figure_do_the_same(database, tmp_path, capsys):
    groups = [f"--only={group}: *" for group in GROUPS]

    main(["--quick", "--sizes", "10k", "--database", database, *groups, "--markdown", str(tmp_path / "figures.md")])

    written = (tmp_path / "figures.md").read_text()
    assert all(f"| {group}: " in written for group in GROUPS)
