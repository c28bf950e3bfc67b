"""The command line speaks one language at a time, click's own texts with it."""

import ast
import re
import sys
from pathlib import Path

import click
import pytest

from crmkit.cli.click_texts import MODULES

CHINESE = ("--locale", "zh_CN")


def english(text):
    """Return the words of *text* that begin an English sentence or heading."""
    return [word for word in re.findall(r"\b[A-Z][a-z]{2,}", text) if word not in ("Lines", "Open", "Python")]


@pytest.mark.parametrize("arguments", [("--help", *CHINESE), (*CHINESE, "--help")])
def test_help_is_in_one_language_wherever_it_is_named(crmkit, elsewhere, arguments):
    shown = crmkit(*arguments).stdout
    assert shown.startswith("用法： crmkit [OPTIONS] COMMAND [ARGS]...")
    assert "显示此帮助信息并退出。" in shown
    assert english(shown) == []


@pytest.mark.parametrize("arguments", [("user", *CHINESE, "--help"), ("user", "--help", "--locale=zh_CN")])
def test_help_of_a_command_is_in_one_language_wherever_it_is_named(crmkit, elsewhere, arguments):
    shown = crmkit(*arguments).stdout
    assert "命令:" in shown
    assert "显示此帮助信息并退出。" in shown
    assert english(shown) == []


def test_help_forgets_the_language_of_the_call_before(crmkit, elsewhere):
    crmkit("--help", *CHINESE)
    assert "Show this message and exit." in crmkit("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export",), "错误：缺少参数 'ENTITY'."),
        (("expot",), "错误：没有命令 'expot'。 您是不是想用 'export'？"),
        (("export", "x", "--nosuch"), "错误：没有选项 '--nosuch'。"),
        (("export", "x", "--format", "pdf"), "错误：'--format' 的值无效：'pdf' 不是 'csv', 'xlsx', 'jsonl' 之一。"),
        (("doctor", "x"), "错误：多余的参数 (x)"),
    ],
)
def test_wrong_usage_is_told_in_the_language(crmkit, elsewhere, arguments, message):
    said = crmkit(*CHINESE, *arguments, code=2).stderr
    assert said.startswith("用法： crmkit")
    assert "--help' 查看帮助。" in said
    assert said.splitlines()[-1] == message
    assert english(said) == []


def test_language_of_the_company_is_that_of_wrong_usage(crmkit, project):
    path = Path("crm.toml")
    path.write_text(path.read_text("utf-8").replace('locale = "en"', 'locale = "zh_CN"'), "utf-8")
    assert "错误：没有命令 'expot'。" in crmkit("expot", code=2).stderr
    assert "错误 [unknown-name]" in crmkit("user", "show", "Bob", code=1).stderr


def test_every_module_of_click_that_speaks_to_people_is_translated():
    folder = Path(click.__file__).parent
    speaking = {path.stem for path in folder.glob("*.py") if imports_gettext(path)}
    # Progress bars and editors, a console that is no terminal of ours, and the set-up of completion are not used.
    assert speaking - {"_termui_impl", "_winconsole", "shell_completion"} == set(MODULES)
    assert {vars(sys.modules[f"click.{name}"])["_"].__module__ for name in MODULES} == {"crmkit.cli.click_texts"}


def imports_gettext(path):
    tree = ast.parse(path.read_text("utf-8"))
    return any(isinstance(node, ast.ImportFrom) and node.module == "gettext" for node in ast.walk(tree))
