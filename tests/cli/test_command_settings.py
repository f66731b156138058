"""Every command reads the same settings: options win over GATEWAY_ variables, and nothing is read past them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.commands import command_of, every_command
from gateway.cli.command import settings_of
from gateway.cli.main import main
from gateway.settings.settings import TABLE, Settings
from serving import ROOT

STUB = {"inputs": [{"name": "age", "type": "number"}], "output": {"kind": "regression"}}
#: What a command cannot do without.
NEEDED = {
    "describe": ["one.stub.json"],
    "inspect": ["one.stub.json"],
    "add": ["one.stub.json", "--route", "/two"],
    "golden": ["one.stub.json", "--from", "rows.csv"],
    "promote": ["one.stub.json", "--route", "/one"],
    "key create": ["--scope", "catalog"],
    "key rotate": ["aaaaaaaa"],
    "key revoke": ["aaaaaaaa"],
}
#: A value for each setting that is neither its default nor what the other source says.
VALUES = {
    "registry": ("/a/r.yaml", "/b/r.yaml"),
    "home": ("/a/home", "/b/home"),
    "bind": ("127.0.0.1:18501", "127.0.0.1:18502"),
    "admin_bind": ("127.0.0.1:18503", "127.0.0.1:18504"),
    "auth": ("none", "keys"),
    "root_path": ("/ml", "/api/ml"),
    "trusted_proxies": ("10.0.0.0/8,unix", "::1/128"),
    "keys": ("/a/keys.yaml", "/b/keys.yaml"),
    "key_file": ("/a/key", "/b/key"),
    "holder_socket": ("/a/sock", "/b/sock"),
    "mlflow_uri": ("sqlite:////a/mlflow.db", "http://127.0.0.1:18503"),
    "mlflow_credentials": ("/a/mlflow.env", "/b/mlflow.env"),
    "watch_aliases": ("true", "false"),
    "watch": ("false", "true"),
    "fast_dispatch": ("false", "true"),
    "access_log": ("false", "true"),
    "log_level": ("error", "debug"),
    "log_format": ("text", "json"),
    "table_memory_mb": ("2048", "4096"),
}

Tell = Callable[[str, str, list[str]], list[str]]


@pytest.fixture(params=["environment", "option"])
def tell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Tell a command line a setting in one of the two ways; return its words."""

    def by_environment(name: str, text: str, words: list[str]) -> list[str]:
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", text)
        return words

    def by_option(name: str, text: str, words: list[str]) -> list[str]:
        monkeypatch.setenv(f"GATEWAY_{name.upper()}", f"{text}-of-the-environment")
        return [*words, f"--{name.replace('_', '-')}", text]

    return by_environment if request.param == "environment" else by_option


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a working folder whose registry is good, and another whose registry names a model that is not there."""
    for name, artifact in (("here", "one.stub.json"), ("there", "absent.stub.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.stub.json").write_text(json.dumps(STUB))
        (tmp_path / name / "registry.yaml").write_text(f"version: 1\nroutes:\n  /{name}: {artifact}\n")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here", tmp_path / "there"


def settings_told(command: str, words: list[str]) -> Settings:
    """Return the settings with which a command would run."""
    return settings_of(command_of(command.split()).make_context(command, list(words)))


@pytest.mark.parametrize("command", [" ".join(words) for words in every_command()])
@pytest.mark.parametrize("setting", [setting.name for setting in TABLE])
def test_every_command_takes_every_setting(command: str, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says is read by every command, and an option of the command wins over it."""
    first, second = VALUES.get(setting, ("77", "78"))
    words = NEEDED.get(command, [])
    monkeypatch.setenv(f"GATEWAY_{setting.upper()}", first)
    of_environment = settings_told(command, words)
    assert of_environment == Settings.load()
    option = f"--{setting.replace('_', '-')}"
    of_option = settings_told(command, [*words, option, second])
    assert getattr(of_option, setting) == getattr(Settings.load(flags={setting: second}), setting)
    assert getattr(of_option, setting) != getattr(of_environment, setting)


def test_settings_are_read_in_one_place() -> None:
    """No command loads settings of its own, so none can read others than the rest."""
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gateway").rglob("*.py")}
    assert {name for name in files if "Settings.load(" in (ROOT / name).read_text()} == {
        "gateway/cli/command.py",
        "gateway/cli/running_settings.py",  # those of a gateway that runs, from its environment
    }
    assert {name for name in files if '"registry.yaml"' in (ROOT / name).read_text()} == {
        "gateway/artifacts/card_file.py",  # a README beside a registry is that of the project and no card
        "gateway/settings/settings.py",
    }


def test_settings_survive_the_way_to_a_child(tmp_path: Path) -> None:
    """The reload that a running gateway starts has the settings of that gateway, options included."""
    for setting in TABLE:
        told = Settings.load(environ={}, flags={setting.name: VALUES.get(setting.name, ("77", ""))[0]})
        assert Settings.load(environ=told.environ()) == told


def test_check_checks_the_registry_of_the_settings(
    folders: tuple[Path, Path], tell: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good registry in the working folder does not hide the faults of the one that would be served."""
    registry = folders[1] / "registry.yaml"
    assert main(tell("registry", str(registry), ["check"])) == 78
    assert f"{registry}:3:11: artifact 'absent.stub.json' does not exist" in capsys.readouterr().err


def test_add_edits_the_registry_of_the_settings(folders: tuple[Path, Path], tell: Tell) -> None:
    """The file of the settings gets the route, the one in the working folder stays as it is."""
    here, there = (folder / "registry.yaml" for folder in folders)
    before = here.read_bytes()
    assert main(tell("registry", str(there), ["add", "one.stub.json", "--route", "/two"])) == 0
    assert here.read_bytes() == before
    assert there.read_text().endswith("  /two: ../here/one.stub.json\n")


def test_a_registry_named_to_check_wins(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """`gateway check FILE` looks at FILE, whatever the environment says."""
    monkeypatch.setenv("GATEWAY_REGISTRY", str(folders[1] / "registry.yaml"))
    assert main(["check"]) == 78
    assert main(["check", str(folders[0] / "registry.yaml")]) == 0


def test_plan_prepare_and_doctor_follow_the_settings(
    folders: tuple[Path, Path], tell: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other commands that read the registry read the same one."""
    registry, home = folders[1] / "registry.yaml", folders[1] / "home"
    for command in ("prepare", "plan"):
        main([*tell("registry", str(registry), [command]), "--home", str(home)])
        assert "/there" in capsys.readouterr().out
    main([*tell("registry", str(registry), ["doctor"]), "--home", str(home)])
    assert f"registry: {registry}\n" in capsys.readouterr().out


def test_history_and_rollback_follow_the_home(
    folders: tuple[Path, Path], tell: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was committed in one home is seen by the commands that are told of that home."""
    home = str(folders[0] / "elsewhere")
    assert main(tell("home", home, ["reload"])) == 0
    assert main(tell("home", home, ["history"])) == 0
    assert "committed" in capsys.readouterr().out
    assert main(tell("home", home, ["rollback"])) == 1
    assert "[no-generation]" in capsys.readouterr().err
    assert main(tell("home", home, ["stop"])) == 0
    assert not (folders[0] / ".gateway").exists()


def test_routes_asks_the_address_of_the_settings(
    folders: tuple[Path, Path], tell: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address that nobody answers on is the one that was told."""
    assert main(tell("bind", "127.0.0.1:18599", ["routes"])) == 1
    assert "no gateway answers on 127.0.0.1:18599" in capsys.readouterr().err


def test_a_misspelt_setting_is_said(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """GATEWAY_REGISTY sends a command to another registry than meant: it says so."""
    monkeypatch.setenv("GATEWAY_REGISTY", str(folders[1] / "registry.yaml"))
    assert main(["check"]) == 0
    assert capsys.readouterr().err == "warning: GATEWAY_REGISTY is no setting; did you mean GATEWAY_REGISTRY?\n"
