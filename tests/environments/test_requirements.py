"""A requirements file is read with all that it names; what no key could cover is refused by its line."""

from pathlib import Path

import pytest

from environments.wheels import write_wheel
from gateway.environments.requirements import Requirements, read_requirements
from gateway.errors import LoadError
from gateway.process.watched_files import files_of
from gateway.settings.settings import Settings


def read(folder: Path, text: str) -> Requirements:
    """Write a requirements file and read it."""
    path = folder / "requirements.txt"
    path.write_text(text, encoding="utf-8")
    return read_requirements(path)


def refusal(folder: Path, text: str) -> LoadError:
    """Return why a requirements file is refused."""
    with pytest.raises(LoadError) as caught:
        read(folder, text)
    return caught.value


def test_comments_and_continued_lines_are_no_part_of_it(tmp_path: Path) -> None:
    """Two spellings of one set of packages are one environment."""
    plain = read(tmp_path, "numpy==1.26.4\nscikit-learn==1.2.2\n")
    spelt = read(tmp_path, "\ufeff# the model\nscikit-learn==1.2.2  # its library\n\nnumpy\\\n  ==1.26.4\n")
    assert plain.identity == spelt.identity
    assert plain.lines == ["numpy==1.26.4", "scikit-learn==1.2.2"]
    assert read(tmp_path, "numpy==1.26.3\nscikit-learn==1.2.2\n").identity != plain.identity


def test_files_that_it_names_are_read(tmp_path: Path) -> None:
    """`-r` adds requirements and `-c` constraints, relative to the file that names them; a circle ends."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("numpy\n-r ../requirements.txt\n-c limits.txt\n")
    (tmp_path / "more" / "limits.txt").write_text("numpy==1.26.4\nscipy<1.14\n")
    found = read(tmp_path, "scikit-learn==1.2.2\n--requirement=more/base.txt\n")
    assert found.lines == ["scikit-learn==1.2.2", "numpy"]
    assert found.constraints == ["numpy==1.26.4", "scipy<1.14"]
    assert [path.name for path in found.sources] == ["requirements.txt", "base.txt", "limits.txt"]
    assert found.unpinned == []  # the constraint pins it
    # A gateway that serves the route watches all of them, also one that is not written yet.
    (tmp_path / "registry.yaml").write_text(
        "version: 1\nroutes:\n  /m: {artifact: m.py, executor: {kind: process, requirements: requirements.txt}}\n"
    )
    settings = Settings.load(environ={}, flags={"home": str(tmp_path), "registry": str(tmp_path / "registry.yaml")})
    assert {tmp_path / name for name in ("requirements.txt", "more/base.txt", "more/limits.txt")} <= files_of(settings)
    before = found.identity
    (tmp_path / "more" / "limits.txt").write_text("numpy==1.26.3\n")
    assert read_requirements(tmp_path / "requirements.txt").identity != before


def test_what_pins_nothing_is_named(tmp_path: Path) -> None:
    """Only `==` with a whole version says which one it is."""
    found = read(tmp_path, "numpy\nscipy>=1\nSix==1.*\njoblib==1.4\nattrs === 23.1\nfoo[bar]==2 ; python_version<'4'\n")
    assert found.unpinned == ["numpy", "scipy", "six"]


def test_hashes_stay(tmp_path: Path) -> None:
    """A lock with hashes is installed with them."""
    digest = "sha256:" + "a" * 64
    found = read(tmp_path, f"--require-hashes\nnumpy==1.26.4 \\\n    --hash={digest} \\\n    --hash={digest}\n")
    assert found.lines[0].count(f"--hash={digest}") == 2
    assert found.options == ["--require-hashes"]


def test_places_of_packages_are_options(tmp_path: Path) -> None:
    """An index of one's own, and a folder of wheels relative to the file, are handed to uv and part of the key."""
    text = "-i https://index.example/simple\n--extra-index-url=https://cpu.example/whl\n-f wheels\nnumpy\n"
    found = read(tmp_path, text)
    assert found.options == [
        "--index-url", "https://index.example/simple", "--extra-index-url", "https://cpu.example/whl",
        "--find-links", str(tmp_path / "wheels"),
    ]  # fmt: skip
    assert found.identity != read(tmp_path, "numpy\n").identity


def test_a_wheel_beside_it_is_known_by_its_bytes(tmp_path: Path) -> None:
    """Another wheel of the same name is another environment, the same one in another folder is not."""
    write_wheel(tmp_path / "wheels", "own", "1.0")
    found = read(tmp_path, "numpy\n./wheels/own-1.0-py3-none-any.whl ; python_version > '3'\n")
    assert found.lines[1] == f"{tmp_path}/wheels/own-1.0-py3-none-any.whl ; python_version > '3'"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "wheels").rename(elsewhere / "wheels")
    assert read(elsewhere, (tmp_path / "requirements.txt").read_text()).identity == found.identity
    write_wheel(elsewhere / "wheels", "own", "1.0", requires=("six",))
    assert read_requirements(elsewhere / "requirements.txt").identity != found.identity


def test_an_address_with_a_digest_is_one_of_a_file(tmp_path: Path) -> None:
    """The digest says which bytes it is, whatever the server hands out."""
    line = f"own @ https://host.example/own-1.0-py3-none-any.whl#sha256={'a' * 64}"
    assert read(tmp_path, f"numpy==1\n{line}\n").lines == ["numpy==1", line]


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        ("-e .", "'.' is source", "pip wheel"),
        ("--editable=src/own", "'src/own' is source", "pip wheel"),
        ("./src", "'./src' is source", "pip wheel"),
        ("git+https://host.example/own.git", "is source", "pip wheel"),
        ("own @ git+https://host.example/own.git@main", "comes from an address", "#sha256="),
        ("own @ https://host.example/own.whl", "comes from an address", "./own-1.0-py3-none-any.whl"),
        ("./absent-1.0-py3-none-any.whl", "cannot be read: No such file", "relative to this file"),
        ("numpy=1.2", "'numpy=1.2' is no requirement", "name==1.2.3"),
        ("numpy scipy", "is no requirement", "name==1.2.3"),
        ("--trusted-host host.example", "is an option that is not taken", "--index-url"),
        ("--no-index yes", "is an option that is not taken", "--index-url"),
        ("--index-url", "is an option that is not taken", "--index-url"),
        ("--index-url 'https://host.example", "cannot be split into words", "quotes"),
        ("--index-url https://me:secret@host.example/simple", "an address holds a name or a password", "netrc"),
        ("--index-url https://${TOKEN}@host.example/simple", "an address holds a name or a password", "netrc"),
        ("own @ https://me:secret@host.example/own.whl", "an address holds a name or a password", "netrc"),
        ("-r", "cannot be read", "relative to the registry"),
    ],
)
def test_what_cannot_be_covered_is_refused_by_its_line(tmp_path: Path, line: str, message: str, fix: str) -> None:
    """The message names file and line, the fix says what to write instead; no secret is repeated."""
    found = refusal(tmp_path, f"numpy\n\n{line}\n")
    assert message in found.message
    assert fix in (found.hint or "")
    assert "secret" not in found.message
    if found.code != "requirements-missing":
        assert found.message.startswith("requirements.txt, line 3: ")
        assert found.code == "requirements-line"


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Absent, empty, or no text."""
    with pytest.raises(LoadError, match="cannot be read: No such file") as caught:
        read_requirements(tmp_path / "absent.txt")
    assert caught.value.code == "requirements-missing"
    assert refusal(tmp_path, "# nothing\n").code == "requirements-empty"
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LoadError, match="is not UTF-8 text"):
        read_requirements(tmp_path / "requirements.txt")
