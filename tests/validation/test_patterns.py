"""Patterns: what Python's `re` finds, found in linear time, or refused by name."""

import random
import re

import pytest

from gateway.validation.patterns import PatternError, compile_pattern

#: Letters, digits and blanks of many scripts, line ends, marks of Turkish and of Greek, everything with a meaning.
ALPHABET = "aAbBiIkKsSfoo0_9 -\n\t\x1c\x85éÉüßſıİKµςσΣ٣½²漢‿@.\\[]^&:xX"
PATTERNS = (
    r"^[a-z]+$", r"\d+", r"^\w+$", r"^\s*$", r"\bfoo\b", r"(?i)^straße$", r"(?i)[a-k]", r"(?i)[^i]", r"a{,3}b",
    r"(?x) a b # c", r"(?s)a.b", r"(?m)^b$", r"^a$|^b$", r"\Aa\Z", r"(?:a|b$)", r"^(?=.*\d)(?=.*[a-z]).{2,6}$", r"^.$",
    r"^(?!foo)\w+", r"(?ai)^[k-s]+$", r"[^\d\s]x", r"[\W_]", r"(?P<x>ab)+?", r"\u00e9+", r"[à-ü]{2}", r"\\\.\-\[", r"",
    r"[\]\\^-]", r"a||b", r"(?i:A)b", r"(?a:\w)\w", r"[\S]", r"\D\d", r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", r"(?i)ſ",
    r"(?i)K|µ|ß|Ω|ς", r"^(a+)+$", r"(a|ab)*?x", r"(?-i:a)|(?i:b)", r"^(?:a?){20}a{20}$",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_finds_what_re_finds(pattern: str) -> None:
    """A pattern is found in exactly the texts in which Python finds it."""
    ours, theirs = compile_pattern(pattern), re.compile(pattern)
    probability = random.Random(pattern)
    texts = ["", *("".join(probability.choices(ALPHABET, k=probability.randint(1, 7))) for _ in range(800))]
    assert [text for text in texts if ours(text) != bool(theirs.search(text))] == []


@pytest.mark.parametrize("pattern", [r"\w", r"\d", r"\s", r"(?a)\w", ".", "(?i)k", "(?i)i", "(?i)[^a-z]", "(?i)[α-ω]"])
def test_classes_hold_the_characters_of_python(pattern: str) -> None:
    """A class holds the characters that it has in Python, of all that both know (both have their Unicode release)."""
    ours, theirs = compile_pattern(pattern), re.compile(pattern)
    known = [chr(code) for code in range(0x1000) if not 0x0860 <= code < 0x0900 and not 0x0C00 <= code < 0x0E00]
    assert [text for text in known if ours(text) != bool(theirs.search(text))] == []


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)*$", "^(a*)*b$", "(a?){50}a{50}b", r"^(\w+\s?)*$", "(.*)*(.*)*x"]
)
def test_takes_linear_time(pattern: str) -> None:
    """What would keep a backtracking engine for years is answered."""
    assert compile_pattern(pattern)("a" * 1_000 + "!") is False


@pytest.mark.parametrize(
    ("pattern", "reason", "fix"),
    [
        (r"(.)\1", r"uses a reference to a group (\1)", "write the repeated part out"),
        ("a(?=b)", "uses looking around", "right behind ^"),
        ("(?<!a)b", "uses looking around", "right behind ^"),
        ("a++", "uses a possessive repeat", "write a+"),
        ("(?>a)", "uses an atomic group", "write (?:…)"),
        ("(a)?(?(1)b|c)", "uses a condition on a group", "write both cases: a|b"),
        ("a$b", "has a $ before its end", "write $ as the last character"),
        ("((a{0,100}){0,100}){0,100}", "matches too many forms", "lower its repeats"),
        ("(" * 5_000 + ")" * 5_000, "is nested too deeply", "fewer brackets"),
        ("[a-", "is no regular expression: unterminated character set", "quote it"),
        ("a{99999999999}", "is no regular expression: the repetition number is too large", "quote it"),
    ],
)  # fmt: skip
def test_refuses_what_needs_backtracking(pattern: str, reason: str, fix: str) -> None:
    """What no linear search can do is refused with its name and a repair."""
    with pytest.raises(PatternError, match=re.escape(reason)) as refused:
        compile_pattern(pattern)
    assert fix in refused.value.fix
