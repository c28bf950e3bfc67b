import os
import subprocess
import sys

import attrs
import pytest
from babel.core import get_global

from crmkit.core.configuration.config import Company, Config, Database, Files
from crmkit.core.configuration.currencies import CURRENCIES
from crmkit.core.configuration.settings import SettingsError, known_settings, load_settings, masked
from crmkit.core.errors import ConfigurationError


@pytest.fixture
def load(tmp_path):
    """Read the settings that a crm.toml and an environment give."""

    def load(text="", environ=None, flags=None):
        (tmp_path / "crm.toml").write_text(text, "utf-8")
        return load_settings(environ=environ or {}, flags=flags, folder=tmp_path)

    return load


def reasons_of(caught):
    return [str(reason) for reason in caught.value.reasons]


def test_empty_file_gives_the_defaults_with_the_database_beside_it(load, tmp_path):
    assert load().config == attrs.evolve(
        Config(), database=Database(f"sqlite:///{tmp_path}/crm.db"), files=Files(f"{tmp_path}/files")
    )


def test_file_sets_every_section(load):
    config = load(
        """
        [company]
        name = "Acme 上海"
        currency = "CNY"
        time_zone = "Asia/Shanghai"
        locale = "zh_CN"
        [database]
        url = "postgresql://crm@localhost/crm"
        pool_size = 3
        [plugins]
        enabled = ["workspace", "sales"]
        [cli]
        user = "Anna"
        """
    ).config
    assert config.company == Company("Acme 上海", "CNY", "Asia/Shanghai", "zh_CN")
    assert config.database == Database("postgresql://crm@localhost/crm", 3)
    assert (config.plugins, config.cli.user) == (["workspace", "sales"], "Anna")


def test_flags_go_before_the_environment_and_that_before_the_file_and_that_before_defaults(load):
    text, environ = '[cli]\nuser = "file"', {"CRM_CLI_USER": "environment"}

    assert load().value("cli.user").source == "default"
    assert load(text).value("cli.user").source == "crm.toml [cli] user"
    assert load(text, environ).config.cli.user == "environment"
    assert load(text, environ, {"cli.user": ("--as", "flag")}).config.cli.user == "flag"
    assert load(text, environ, {"cli.user": ("--as", "flag")}).value("cli.user").source == "--as"


def test_environment_reads_numbers_and_lists_from_text(load):
    config = load(environ={"CRM_DATABASE_POOL_SIZE": "3", "CRM_PLUGINS_ENABLED": "workspace, sales,"}).config
    assert (config.database.pool_size, config.plugins) == (3, ["workspace", "sales"])


def test_empty_variable_is_one_that_is_not_set(load):
    assert load('[company]\nname = "Acme"', {"CRM_COMPANY_NAME": ""}).config.company.name == "Acme"


def test_database_url_is_an_alias_that_yields_to_the_variable_of_crmkit(load):
    alias = {"DATABASE_URL": "postgres://crm@elsewhere/crm"}
    assert load(environ=alias).config.database.url == "postgresql://crm@elsewhere/crm"
    both = alias | {"CRM_DATABASE_URL": "postgresql://crm@here/crm"}
    assert load(environ=both).value("database.url").source == "CRM_DATABASE_URL"


def test_secret_is_read_from_the_file_that_a_variable_names(load, tmp_path):
    (tmp_path / "secret").write_text("postgresql://crm:geheim@host/crm\n")
    value = load(environ={"CRM_DATABASE_URL_FILE": str(tmp_path / "secret")}).value("database.url")
    assert (value.value, value.source) == ("postgresql://crm:geheim@host/crm", "CRM_DATABASE_URL_FILE")


def test_secret_given_twice_or_in_a_missing_file_is_refused(load, tmp_path):
    missing = {"CRM_DATABASE_URL_FILE": str(tmp_path / "none")}
    with pytest.raises(SettingsError, match="CRM_DATABASE_URL_FILE: .*/none cannot be read: No such file"):
        load(environ=missing)
    with pytest.raises(SettingsError, match="CRM_DATABASE_URL_FILE is set as well; set one of them"):
        load(environ=missing | {"CRM_DATABASE_URL": "sqlite:///x.db"})


def test_only_secrets_have_a_variable_for_a_file(load):
    with pytest.raises(SettingsError, match="CRM_COMPANY_NAME_FILE is unknown; did you mean CRM_COMPANY_NAME?"):
        load(environ={"CRM_COMPANY_NAME_FILE": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[company]\ncurency = "EUR"', "crm.toml [company]: curency is unknown; did you mean currency?"),
        ("[databse]", "crm.toml: [databse] is unknown; did you mean [database]?"),
        ('plugins = ["sales"]', "crm.toml: 'plugins' stands outside every section"),
        ("[company]\nname = 5", "crm.toml [company] name: takes text in quotes"),
        ("[database]\npool_size = '8'", "crm.toml [database] pool_size: takes a whole number"),
        ("[database]\npool_size = 0", "crm.toml [database] pool_size: 0 is too small; give 1 or more"),
        ("[plugins]\nenabled = ['sales', 3]", "crm.toml [plugins] enabled: takes a list of texts"),
        ("[company]\nname = ' '", "crm.toml [company] name: is empty; give the name of the company"),
        ("[company]\ncurrency = 'EURO'", "'EURO' is no currency of ISO 4217; did you mean 'EUR'?"),
        ("[company]\ncurrency = 'DEM'", "'DEM' is no currency of ISO 4217"),
        ("[company]\ntime_zone = 'Europe/Berln'", "did you mean 'Europe/Berlin'?"),
        ("[company]\ntime_zone = '../etc/passwd'", "'../etc/passwd' is no time zone of the IANA database"),
        ("[company]\ntime_zone = 'Europe'", "'Europe' is no time zone of the IANA database"),
        ("[company]\nlocale = 'zh-cn'", "'zh-cn' is no language; did you mean 'zh_CN'?"),
        ("[company]\nlocale = 'Klingon'", "'Klingon' is no language, such as en, de_AT or zh_CN"),
        ("[database]\nurl = 'crm.db'", "crm.toml [database] url: is no database URL; give sqlite:///FILE"),
    ],
)
def test_file_is_refused_with_the_place_and_what_would_be_accepted(load, text, message):
    with pytest.raises(SettingsError) as caught:
        load(text)
    assert caught.value.code == "settings"
    assert len(caught.value.reasons) == 1
    assert message in reasons_of(caught)[0]


def test_all_reasons_are_given_at_once(load):
    with pytest.raises(SettingsError) as caught:
        load(
            "[company]\ncurency = 'EUR'\ntime_zone = 'Mars'", {"CRM_DATABSE_URL": "x", "CRM_DATABASE_POOL_SIZE": "all"}
        )
    assert [reason.split(":")[0] for reason in reasons_of(caught)] == [
        "crm.toml [company]",
        "the environment",
        "CRM_DATABASE_POOL_SIZE",
        "crm.toml [company] time_zone",
    ]


def test_refusal_repeats_no_secret(load):
    with pytest.raises(SettingsError) as caught:
        load(environ={"DATABASE_URL": "mysql://root:geheim@host"})
    assert "geheim" not in str(caught.value)


def test_file_that_is_no_toml_is_refused_with_line_and_column(load):
    with pytest.raises(ConfigurationError, match=r"crm.toml: is no TOML: .*line 2, column 8"):
        load("[company]\nname = Acme")


def test_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "crm.toml").write_bytes('[company]\nname = "上海"'.encode("gb18030"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_settings(environ={}, folder=tmp_path)


def test_file_is_found_in_a_folder_above(load, tmp_path):
    load('[company]\nname = "Acme"')
    below = tmp_path / "reports" / "2026"
    below.mkdir(parents=True)
    assert load_settings(environ={}, folder=below).config.company.name == "Acme"


def test_file_is_named_by_a_flag_or_else_by_a_variable(tmp_path):
    for name in ("flag", "variable"):
        (tmp_path / f"{name}.toml").write_text(f"[company]\nname = '{name}'")
    environ = {"CRM_CONFIG": str(tmp_path / "variable.toml")}
    assert load_settings(environ=environ).config.company.name == "variable"
    assert load_settings(tmp_path / "flag.toml", environ=environ).config.company.name == "flag"
    with pytest.raises(ConfigurationError, match=r"CRM_CONFIG: there is no file /nowhere/crm.toml"):
        load_settings(environ={"CRM_CONFIG": "/nowhere/crm.toml"})


def test_no_file_is_needed_where_the_environment_names_the_database(tmp_path):
    with pytest.raises(ConfigurationError, match="make one with: crmkit init DIR"):
        load_settings(environ={}, folder=tmp_path)
    settings = load_settings(environ={"CRM_DATABASE_URL": "sqlite:///crm.db"}, folder=tmp_path)
    assert (settings.config.database.url, settings.file) == (f"sqlite:///{tmp_path}/crm.db", None)


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("sqlite:///data/crm.db", "sqlite:///{folder}/data/crm.db"),
        ("sqlite:///crm.db?timeout=3", "sqlite:///{folder}/crm.db?timeout=3"),
        ("sqlite+pysqlite:///crm.db", "sqlite+pysqlite:///{folder}/crm.db"),
        ("sqlite:////var/lib/crm.db", "sqlite:////var/lib/crm.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_relative_sqlite_file_lies_beside_crm_toml(load, tmp_path, url, becomes):
    assert load(f"[database]\nurl = '{url}'").config.database.url == becomes.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://crm:ge:h@im@host/crm", "postgresql://crm:***@host/crm"),
        ("postgresql://host/crm?user=a&password=geheim&x=1", "postgresql://host/crm?user=a&password=***&x=1"),
        ("postgresql://crm@host/crm", "postgresql://crm@host/crm"),
        ("sqlite:////var/lib/crm.db", "sqlite:////var/lib/crm.db"),
    ],
)
def test_shown_url_has_no_password(url, shown):
    assert masked(url) == shown


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("CRM_SERVICE_HOST", "10.0.0.1", True),
        ("CRM_PORT", "tcp://10.0.0.1:80", True),
        ("CRM_PORT_80_TCP_ADDR", "10.0.0.1", True),
        ("CRM_WEB_SERVICE_PORT_HTTP", "80", True),
        ("CRM_DATABASE_PORT", "many", False),
    ],
)
def test_variables_that_kubernetes_sets_for_a_service_called_crm_are_no_settings(load, name, value, accepted):
    if accepted:
        load(environ={name: value})
    else:
        with pytest.raises(SettingsError, match=f"{name} is unknown"):
            load(environ={name: value})


def test_configuration_made_in_python_is_checked_too():
    with pytest.raises(ConfigurationError, match="company.currency: 'EURO' is no currency"):
        Company(currency="EURO")


def test_every_setting_has_a_help_and_variables():
    settings = known_settings().values()
    assert [s.path for s in settings if not s.info.help.endswith(".")] == []
    assert known_settings()["database.url"].variables == ("CRM_DATABASE_URL", "DATABASE_URL")


def test_currencies_are_those_that_are_legal_tender_somewhere():
    tender = {
        code
        for currencies in get_global("territory_currencies").values()
        for code, _start, end, is_tender in currencies
        if is_tender and end is None
    }
    assert tender <= CURRENCIES | {"CLF", "XXX"}
    assert len(CURRENCIES - tender) < 10


def test_finding_the_file_imports_nothing_heavy():
    code = "import sys, crmkit.core.configuration.file; print({'attr', 'msgspec', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "set()"
