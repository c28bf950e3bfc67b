import os
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crmkit.cli import project as project_module
from crmkit.cli.project import FolderError, Project, make_project, system_time_zone
from crmkit.core.configuration.config import Company


def read(path):
    return tomllib.loads(path.read_text("utf-8"))


def test_init_makes_a_company_that_works_at_once(crmkit, elsewhere, monkeypatch):
    crmkit(
        *("init", "acme", "--name", 'Acme "上海"', "--currency", "CNY", "--time-zone", "Asia/Shanghai"),
        *("--locale", "zh_CN", "--admin", "王芳", "--admin-email", "wang@acme.example", "--no-plugins"),
    )
    settings = read(elsewhere / "acme" / "crm.toml")
    assert settings["company"] == {
        "name": 'Acme "上海"',
        "currency": "CNY",
        "time_zone": "Asia/Shanghai",
        "locale": "zh_CN",
    }
    assert settings["cli"] == {"user": "wang@acme.example"}
    assert sorted(os.listdir("acme")) == [".gitignore", "README.md", "crm.db", "crm.toml"]

    monkeypatch.chdir("acme")
    (user,) = crmkit("user", "list", "--json").json
    assert (user["name"], user["roles"]) == ("王芳", ["core.administrator", "core.member"])
    assert crmkit("doctor", "--json").json[-1]["status"] == "ok"


@pytest.mark.parametrize(
    ("locale", "said", "unsaid"), [("zh_CN", "命令", "This folder"), ("en", "This folder", "命令")]
)
def test_files_of_a_new_company_speak_its_language(crmkit, elsewhere, locale, said, unsaid):
    crmkit("init", "acme", "--locale", locale, "--no-plugins")
    for name in ("crm.toml", "README.md", ".gitignore"):
        text = Path("acme", name).read_text("utf-8")
        assert any("\u4e00" <= char <= "\u9fff" for char in text) == (locale == "zh_CN")
    assert said in Path("acme/README.md").read_text("utf-8")
    assert unsaid not in Path("acme/README.md").read_text("utf-8")
    crmkit("doctor", "--config", "acme/crm.toml")


def test_init_takes_defaults_where_nobody_can_be_asked(crmkit, elsewhere):
    crmkit("init", "my-company", "--no-plugins")
    settings = read(Path("my-company/crm.toml"))
    assert (settings["company"]["name"], settings["company"]["currency"]) == ("My company", "EUR")
    assert settings["cli"] == {"user": "Administrator"}


@pytest.mark.long
def test_init_enables_every_plugin_that_comes_with_crmkit(crmkit, elsewhere):
    crmkit("init", "acme", "--without", "sales")
    assert read(Path("acme/crm.toml"))["plugins"]["enabled"] == ["commerce", "customers", "workspace"]


def test_plugin_left_out_takes_those_along_that_require_it(crmkit, elsewhere):
    assert "salse" in crmkit("init", "acme", "--without", "salse", code=1).stderr
    made = crmkit("init", "acme", "--without", "customers", "--json").json
    assert made["plugins"] == ["commerce", "workspace"]


def test_next_command_can_be_typed_as_it_stands(crmkit, elsewhere):
    assert "Next: cd 'My Company & Söhne' && crmkit doctor" in crmkit("init", "My Company & Söhne").stdout


def test_database_is_for_its_owner_alone(crmkit, elsewhere):
    crmkit("init", "acme", "--no-plugins")
    assert stat.S_IMODE(Path("acme/crm.db").stat().st_mode) == 0o600


def test_init_fills_an_empty_folder_but_refuses_one_that_is_not(crmkit, elsewhere):
    Path("empty").mkdir()
    crmkit("init", "empty", "--no-plugins")
    assert "is not empty; name a new folder" in crmkit("init", "empty", code=1).stderr
    Path("file").touch()
    assert "is no folder" in crmkit("init", "file", code=1).stderr
    assert "there is no such folder" in crmkit("init", "none/acme", code=1).stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--currency", "EURO", "'EURO' is no currency of ISO 4217; did you mean 'EUR'?"),
        ("--time-zone", "Berlin", "'Berlin' is no time zone of the IANA database"),
        ("--name", " ", "is empty; give the name of the company"),
        ("--database", "mysql://x", "is no database URL"),
        ("--database", "postgresql://a:geheim@x/y", "holds a password, which does not belong into crm.toml"),
    ],
)
def test_init_refuses_what_no_setting_takes_and_leaves_nothing(crmkit, elsewhere, option, value, message):
    result = crmkit("init", "acme", option, value, code=2)
    assert message in result.stderr
    assert "geheim" not in result.stderr
    assert os.listdir() == []


@pytest.mark.parametrize("exists", [False, True])
def test_init_that_fails_half_way_leaves_nothing(elsewhere, exists):
    if exists:
        Path("acme").mkdir()

    def fail(_crm):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_project(Path("acme"), Project(Company(), [], "Ada"), fill=fail)
    assert os.listdir() == (["acme"] if exists else [])
    assert not exists or os.listdir("acme") == []


@pytest.mark.parametrize("exists", [False, True])
def test_what_a_killed_init_left_goes_with_the_next(crmkit, elsewhere, exists):
    if exists:
        Path("acme").mkdir()
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from crmkit.cli.project import Project, make_project\n"
        "from crmkit.core.configuration.config import Company\n"
        "die = lambda crm: os.kill(os.getpid(), signal.SIGKILL)\n"
        "make_project(Path('acme'), Project(Company(), [], 'Ada'), fill=die)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    left = list(Path("acme" if exists else ".").iterdir())
    assert [path.name.startswith(".crmkit-init-") for path in left] == [True]

    crmkit("init", "acme", "--no-plugins")
    assert os.listdir() == ["acme"]
    assert sorted(os.listdir("acme")) == [".gitignore", "README.md", "crm.db", "crm.toml"]


def test_two_that_make_a_company_at_once_leave_each_other_alone(crmkit, elsewhere):
    def make_another(_crm):
        crmkit("init", "other", "--no-plugins")

    make_project(Path("acme"), Project(Company(), [], "Ada"), fill=make_another)
    assert sorted(os.listdir()) == ["acme", "other"]


def test_failed_init_empties_a_database_that_lies_elsewhere(elsewhere):
    def fail(_crm):
        raise RuntimeError

    url = f"sqlite:///{elsewhere}/other.db"
    with pytest.raises(RuntimeError):
        make_project(Path("acme"), Project(Company(), [], "Ada", database=url), fill=fail)
    make_project(Path("acme"), Project(Company(), [], "Ada", database=url))


def test_database_that_holds_a_company_is_not_given_to_another(elsewhere):
    project = Project(Company(), [], "Ada", database=f"sqlite:///{elsewhere}/other.db")
    make_project(Path("acme"), project)
    with pytest.raises(FolderError, match="this database holds a CRM already"):
        make_project(Path("second"), project)
    assert sorted(os.listdir()) == ["acme", "other.db"]


def test_database_of_the_environment_is_used_and_not_written_down(crmkit, elsewhere, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{elsewhere}/elsewhere.db")
    crmkit("init", "acme", "--no-plugins")
    assert "url" not in read(Path("acme/crm.toml"))["database"]
    assert Path("elsewhere.db").exists()
    assert not Path("acme/crm.db").exists()


@pytest.mark.parametrize(
    ("variable", "zone"), [("Asia/Shanghai", "Asia/Shanghai"), (":Europe/Berlin", "Europe/Berlin")]
)
def test_time_zone_is_that_of_the_machine(monkeypatch, variable, zone):
    monkeypatch.setenv("TZ", variable)
    assert system_time_zone() == zone


def test_machine_without_a_named_zone_keeps_utc(monkeypatch):
    monkeypatch.setenv("TZ", "XYZ-3")
    monkeypatch.setattr(project_module.os.path, "realpath", lambda path: path)
    assert system_time_zone() == "UTC"


@pytest.mark.long
def test_person_at_a_terminal_is_asked_and_asked_again(elsewhere):
    pty = pytest.importorskip("pty")
    program = os.path.join(os.path.dirname(sys.executable), "crmkit")
    master, slave = pty.openpty()
    os.write(master, b"Acme GmbH\nEURO\nEUR\nEurope/Berlin\nAda Winter\n")
    done = subprocess.run([program, "init", "acme", "--no-plugins"], stdin=slave, capture_output=True, text=True)
    os.close(slave)
    os.close(master)

    assert done.returncode == 0, done.stderr
    assert "Error: 'EURO' is no currency" in done.stderr
    assert read(Path("acme/crm.toml"))["company"]["name"] == "Acme GmbH"
    assert read(Path("acme/crm.toml"))["cli"] == {"user": "Ada Winter"}
