"""Numbers on pages: numbers.json holds the server to the texts that static/numbers.js writes in a browser."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.console.number_text import number_text, percent_text

CASES = json.loads(Path(__file__).with_name("numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("value", "decimals", "text"), CASES["numbers"])
def test_numbers(value: Any, decimals: int | None, text: str) -> None:
    """A number is written with groups, and with the decimals of the registry or about six digits."""
    assert number_text(value, decimals) == text


@pytest.mark.parametrize(("share", "text"), CASES["shares"])
def test_shares(share: Any, text: str) -> None:
    """A probability is a percentage with one decimal."""
    assert percent_text(share) == text
