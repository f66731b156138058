"""Settings: one table, strict values, helpful about misspelt names."""

from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.settings.settings import TABLE, Settings, help_text


def test_defaults_stand_without_any_variable() -> None:
    """An empty environment gives the documented defaults, with absolute paths."""
    settings = Settings.load({})
    assert settings.bind == ("127.0.0.1:8000",)
    assert 2 <= settings.workers <= 4
    assert settings.home == Path.cwd() / ".gateway"
    assert settings.scoreboard_path.parent == settings.metrics_dir.parent == settings.run_dir
    assert settings.holder_path == settings.run_dir / "holder.sock"
    assert settings.warnings == ()


def test_every_kind_of_value_is_parsed() -> None:
    """Lists, numbers, switches, words and absent limits come out as their types."""
    settings = Settings.load(
        {
            "GATEWAY_BIND": "127.0.0.1:8000, [::1]:8001,unix:/tmp/x.sock",
            "GATEWAY_WATCH": "off",
            "GATEWAY_BOOT_DEADLINE_S": "1.5",
            "GATEWAY_WORKER_MEMORY_MB": "",
            "GATEWAY_LOG_FORMAT": "TEXT",
        },
        {"workers": "7"},
    )
    assert settings.bind == ("127.0.0.1:8000", "[::1]:8001", "unix:/tmp/x.sock")
    assert (settings.watch, settings.boot_deadline_s, settings.worker_memory_mb) == (False, 1.5, None)
    assert (settings.log_format, settings.workers) == ("text", 7)


def test_a_flag_beats_the_environment() -> None:
    """What the command line says wins over the variable."""
    assert Settings.load({"GATEWAY_WORKERS": "3"}, {"workers": "5"}).workers == 5


def test_every_bad_value_is_reported_at_once() -> None:
    """The error names each variable, what it was, and what was expected."""
    bad = {"GATEWAY_WORKERS": "0", "GATEWAY_BIND": "nowhere", "GATEWAY_LOG_LEVEL": "loud", "GATEWAY_WATCH": "maybe"}
    with pytest.raises(GatewayError) as caught:
        Settings.load(bad, {"backlog": "many"})
    text = caught.value.message
    assert len(text.splitlines()) == 5
    assert "GATEWAY_WORKERS='0': expected a whole number of at least 1" in text
    assert "GATEWAY_LOG_LEVEL='loud': expected one of debug, info, warning, error" in text
    assert "--backlog='many'" in text
    assert caught.value.code == "settings"


@pytest.mark.parametrize("address", ["", "8000", ":8000", "host:", "host:70000", "::1:8000", "unix:", "a:1,"])
def test_a_broken_address_is_refused(address: str) -> None:
    """An address that could not be bound is a fault before anything starts."""
    with pytest.raises(GatewayError, match="GATEWAY_BIND"):
        Settings.load({"GATEWAY_BIND": address})


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e999", ""])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    """Times are finite numbers within their limit."""
    with pytest.raises(GatewayError, match="GATEWAY_BOOT_DEADLINE_S"):
        Settings.load({"GATEWAY_BOOT_DEADLINE_S": number})


def test_a_misspelt_name_is_a_warning_with_the_near_one() -> None:
    """An unknown GATEWAY_ name does not stop the gateway, and other programs' names are not ours."""
    settings = Settings.load({"GATEWAY_WORKER": "3", "GATEWAY_XYZZY": "1", "GATEWAY_PYTHON": "x", "HOME": "/"})
    assert settings.warnings == (
        "GATEWAY_WORKER is no setting; did you mean GATEWAY_WORKERS?",
        "GATEWAY_XYZZY is no setting",
    )


def test_the_help_lists_every_setting_with_its_default() -> None:
    """Nothing can be set that the help does not tell."""
    lines = help_text().splitlines()
    assert len(lines) == len(TABLE)
    for setting, line in zip(TABLE, lines, strict=True):
        assert setting.variable in line
        assert line.endswith(f"({setting.default})")
