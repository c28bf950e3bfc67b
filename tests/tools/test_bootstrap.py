"""The environment is built from the lock file, or the reason is told."""

import hashlib
import os
import zipfile

import pytest

from tools import bootstrap

PLATFORMS = [
    ("manylinux", "x86_64"),
    ("manylinux", "aarch64"),
    ("musllinux", "x86_64"),
    ("musllinux", "aarch64"),
    ("macosx", "arm64"),
    ("macosx", "x86_64"),
]


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "registry" / "uv-9.9.9-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("uv-9.9.9.data/scripts/uv", "#!/bin/sh\necho uv 9.9.9\n")
        archive.writestr("uv-9.9.9.data/scripts/uvx", "")
    content = path.read_bytes()
    return {
        "url": path.as_uri(),
        "hash": "sha256:" + hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }


@pytest.fixture
def tools(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "TOOLS", tmp_path / "tools")
    return tmp_path / "tools"


@pytest.mark.parametrize(("family", "machine"), PLATFORMS)
def test_lock_lists_uv_for_each_common_platform(family, machine, monkeypatch):
    monkeypatch.setattr(bootstrap, "_platform", lambda: (family, machine))

    wheel = bootstrap._choose_wheel(bootstrap._locked_uv()["wheels"])

    assert f"{family}_" in wheel["url"]
    assert wheel["url"].endswith((f"_{machine}.whl", f"musllinux_1_1_{machine}.whl"))


def test_unknown_platform_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(bootstrap, "_platform", lambda: ("plan9", "vax"))

    with pytest.raises(SystemExit, match="no uv for plan9 vax. Put a uv on the PATH"):
        bootstrap._choose_wheel(bootstrap._locked_uv()["wheels"])


def test_fetched_uv_runs(wheel, tools):
    target = tools / "uv-9.9.9" / "uv"

    bootstrap._unpack(bootstrap._fetch(wheel), target)

    assert bootstrap._uv_version(str(target)) == (9, 9, 9)
    assert [path.name for path in tools.iterdir()] == ["uv-9.9.9"]


@pytest.mark.parametrize(("said", "given"), [(None, "true"), ("false", "false")])
def test_uv_trusts_the_certificates_of_the_machine_unless_told_otherwise(tmp_path, monkeypatch, said, given):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\necho uv 9.9.9\necho "$UV_SYSTEM_CERTS" > {tmp_path}/given\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    if said:
        monkeypatch.setenv("UV_SYSTEM_CERTS", said)

    assert bootstrap._run_uv(["sync"]) == 0

    assert (tmp_path / "given").read_text() == f"{given}\n"


def test_another_file_than_the_locked_one_is_refused(wheel, tools):
    wheel["hash"] = "sha256:" + "0" * 64

    with pytest.raises(SystemExit, match="is not the locked file. Expected sha256:000"):
        bootstrap._fetch(wheel)

    assert list(tools.iterdir()) == []


def test_file_that_cannot_be_had_is_named_with_the_reason(tmp_path):
    with pytest.raises(SystemExit, match=r"Cannot fetch file://.*nosuch: .*No such file.* Check the network"):
        bootstrap._download((tmp_path / "nosuch").as_uri(), attempts=1)


def test_python_that_is_too_old_is_refused_with_what_is_needed(monkeypatch):
    monkeypatch.setattr(bootstrap, "MINIMUM", (3, 99))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit, match=r"crmkit needs Python 3\.99 or newer"):
        bootstrap._ensure_python()
