"""The words of a command line: which are taken, which are refused with exit code 2, and what a shell completes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.commands import command_of, every_command
from gateway.cli.command import Command
from gateway.cli.command_group import Entry, Group
from gateway.cli.main import COMMANDS, main
from serving import ROOT

USAGE = "usage: gateway check [-h] [--registry REGISTRY] [--home HOME] [--bind BIND] [REGISTRY]\n"


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is said about a line that no command takes."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "240")
    return tmp_path


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_entry_names_a_command(words: list[str]) -> None:
    """The tables of names lead to a command of that name, which explains itself in a sentence."""
    command = command_of(words)
    assert isinstance(command, Command)
    assert command.name == words[-1]
    assert re.match(r"[A-Z].+[.]$", (command.help or "").strip(), re.DOTALL)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chek"], "gateway: error: No such command 'chek'. (Did you mean one of: 'cache', 'check'?)"),
        (["Check"], "gateway: error: No such command 'Check'. Did you mean 'check'?"),
        (["--versoin"], "gateway: error: No such option '--versoin'. Did you mean '--version'?"),
        (["check", "--regitry", "x"], "gateway check: error: No such option '--regitry'. Did you mean '--registry'?"),
        (["check", "--cache-md", "x"], "gateway check: error: No such option '--cache-md'. Did you mean '--cache-mb'?"),
        ([], "gateway: error: Missing command."),
        (["describe"], "gateway describe: error: Missing argument 'ARTIFACT...'."),
        (["add", "x"], "gateway add: error: Missing option '--route'."),
        (["check", "a", "b"], "gateway check: error: Got unexpected extra argument (b)"),
        (["history", "--most", "x"], "gateway history: error: Invalid value for '--most': 'x' is not a valid integer."),
        (["describe", "--json=1", "x"], "gateway describe: error: Option '--json' does not take a value."),
    ],
)
def test_a_misspelt_line_is_refused_by_name(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage and fault stand on standard error, the word that was probably meant beside it; exit code 2."""
    usage, fault = refused(words, capsys).splitlines()
    assert usage.startswith("usage: gateway")
    assert fault == told


def test_a_command_that_resembles_none_is_answered_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no guess is near, every name is told."""
    told = refused(["xyzzy"], capsys)
    assert not [entry.name for entry in COMMANDS if entry.name not in told]


#: A group in a group, as `gateway key create` is.
KEY = Group("key", help="Make keys.", entries=(Entry("create", "make a key", "gateway.cli.check:check"),))


def test_groups_nest(capsys: pytest.CaptureFixture[str]) -> None:
    """A command of an inner group is found; a misspelt one is refused in the name of that group."""
    root = Group("gateway", help="Serve.", entries=(Entry("key", "make keys", f"{__name__}:KEY"),))
    assert root.invoke(root.make_context("gateway", ["key", "create", "absent.yaml"])) == 78
    assert capsys.readouterr().err.startswith("absent.yaml: cannot be read")
    with pytest.raises(click.NoSuchCommand) as caught:
        root.invoke(root.make_context("gateway", ["key", "crate"]))
    assert caught.value.format_message() == "No such command 'crate'. Did you mean 'create'?"
    assert caught.value.ctx is not None
    assert caught.value.ctx.command_path == "gateway key"


@pytest.mark.parametrize(
    "words", [["--registry"], ["--registry", "--home", "x"], ["--reg", "-h"], ["--registry", "--"]]
)
def test_an_option_is_no_value(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A forgotten value does not swallow the option that follows."""
    told = refused(["check", *words], capsys)
    assert told == f"{USAGE}gateway check: error: Option '--registry' requires an argument.\n"


def test_options_may_be_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of one option stands for it, that of several is refused with their names."""
    for words in (["--reg", "a.yaml"], ["--reg=a.yaml"], ["--pred=2", "--", "a.yaml"], ["--workers", "2", "a.yaml"]):
        assert main(["check", *words]) == 78
        assert capsys.readouterr().err.startswith("a.yaml: cannot be read")
    told = refused(["check", "--worker", "2"], capsys)
    assert "Ambiguous option '--worker': --workers, --worker-connections" in told


def test_numbers_below_zero_are_values(capsys: pytest.CaptureFixture[str]) -> None:
    """`--workers -1` is a bad value, not a missing one."""
    assert main(["check", "--workers", "-1"]) == 78
    assert capsys.readouterr().err.startswith("error: --workers='-1': expected a whole number of at least 1")


def test_help_loads_no_command() -> None:
    """The list of commands costs no import of a web server or of a model's library."""
    code = (
        "import sys, gateway.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'flask', 'gunicorn', 'numpy', 'gateway.registry'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("gateway ro", ["plain,rollback", "plain,routes"]),
        ("gateway add --al", ["plain,--allow-pickle", "plain,--allow-type", "plain,--allow-code"]),
        ("gateway check models/", ["file,models/"]),
        ("gateway check --registry regi", ["file,regi"]),
    ],
)
def test_a_shell_completes_commands_options_and_files(line: str, offers: list[str]) -> None:
    """What bash asks for is answered by the line that the README names."""
    asked = {"_GATEWAY_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == offers
    assert 'eval "$(_GATEWAY_COMPLETE=bash_source gateway)"' in (ROOT / "README.md").read_text(encoding="utf-8")
