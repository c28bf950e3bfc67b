"""The benchmarks compare like with like: whoever changes what a write leaves behind also changes it by hand."""

import os
from pathlib import Path

import pytest

from benchmarks import shares
from benchmarks.__main__ import main

GROUPS = ("get", "funnel", "create", "update", "move", "import", "events")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_both_sides_of_a_figure_do_the_same(database, tmp_path, capsys):
    groups = [f"--only={group}: *" for group in GROUPS]

    main(["--quick", "--sizes", "10k", "--database", database, *groups, "--markdown", str(tmp_path / "figures.md")])

    written = (tmp_path / "figures.md").read_text()
    assert all(f"| {group}: " in written for group in GROUPS)


def may_look_at_processes():
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return os.geteuid() == 0 or not scope.exists() or scope.read_text().strip() == "0"


@pytest.mark.slow
@pytest.mark.skipif(not may_look_at_processes(), reason="this user must not look at other processes")
def test_profile_says_where_the_time_of_each_request_goes(monkeypatch, capsys):
    monkeypatch.setattr(shares, "SECONDS", 2)
    main(["--profile", "--sizes", "10k", "--database", "sqlite"])

    head, _line, *rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert "| one deal | 50 deals |" in head
    found = {
        cells[1].strip(): [int(cell.strip(" %")) for cell in cells[2:-1]] for cells in (row.split("|") for row in rows)
    }
    assert set(shares.PARTS) < set(found)
    assert all(97 <= sum(column) <= 103 for column in zip(*found.values(), strict=True))
    assert all(share > 0 for share in found["reader, writer and door"])
