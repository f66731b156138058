"""
Secrets of an MLflow store come from a file: the process that asks the store gets them, and nothing repeats them.

OWASP: API8
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.cli.security_checks import security_checks
from gateway.errors import LoadError
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.references.resolving import resolve
from gateway.references.store_access import StoreAccess, hidden, read_credentials
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings

TOKEN, PASSWORD = "hushed-token-1", "hushed-password-2"
GOOD = f"""
# of the team
GATEWAY_MLFLOW_URI=http://127.0.0.1:9
export MLFLOW_TRACKING_TOKEN="{TOKEN}"
AWS_SECRET_ACCESS_KEY = {PASSWORD}
"""


@pytest.fixture
def store() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a store that refuses everybody, and the credentials that it was shown."""
    shown: list[str] = []

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            body = f"who is {shown[-1]}?".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", shown
        server.shutdown()


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file of credentials."""
    path = folder / "mlflow.env"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_process_that_asks_the_store_gets_them(tmp_path: Path, store: tuple[str, list[str]]) -> None:
    """Address and token of the file are those that count, and no answer, state or cache repeats the token."""
    pytest.importorskip("mlflow", reason="mlflow is not installed here (mlflow)")
    address, shown = store
    path = written(tmp_path, f"GATEWAY_MLFLOW_URI={address}\nMLFLOW_TRACKING_TOKEN={TOKEN}\n")
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes: {/m: 'mlflow:models:/m@champion'}\n")
    access = StoreAccess(uri="http://127.0.0.1:9", credentials=path)
    cache = tmp_path / "home/cache"
    found = resolve(
        load_registry(tmp_path / "registry.yaml"), None, access, cache_dir=cache, limits=PrepareLimits(), ask="all"
    )
    assert set(shown) == {f"Bearer {TOKEN}"}
    (route,) = found.registry.routes
    assert route.resolved is not None
    assert route.resolved.problem is not None
    assert "403" in route.resolved.problem.message
    assert TOKEN not in f"{route.resolved}{access}"
    kept = [one for one in (tmp_path / "home").rglob("*") if one.is_file() and TOKEN.encode() in one.read_bytes()]
    assert kept == []


def test_a_file_that_cannot_be_used_is_a_store_that_is_away(tmp_path: Path) -> None:
    """No store is asked without its credentials: the route says what is wrong with the file."""
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes: {/m: 'mlflow:models:/m@champion'}\n")
    access = StoreAccess(uri="http://127.0.0.1:9", credentials=written(tmp_path, GOOD, 0o640))
    registry = load_registry(tmp_path / "registry.yaml")
    found = resolve(registry, None, access, cache_dir=tmp_path / "cache", limits=PrepareLimits(), ask="all")
    (route,) = found.registry.routes
    assert route.resolved is not None
    assert route.resolved.problem is not None
    assert route.resolved.problem.code == "mlflow-credentials"
    assert "chmod 600" in str(route.resolved.problem.hint)


def test_what_a_file_may_hold(tmp_path: Path) -> None:
    """Comments, blanks, quotes and `export` are as in a shell."""
    assert read_credentials(written(tmp_path, GOOD)) == {
        "GATEWAY_MLFLOW_URI": "http://127.0.0.1:9",
        "MLFLOW_TRACKING_TOKEN": TOKEN,
        "AWS_SECRET_ACCESS_KEY": PASSWORD,
    }


@pytest.mark.parametrize(
    ("text", "mode", "part"),
    [
        (GOOD, 0o644, "other users"),
        (f"{TOKEN}\n", 0o600, "line 1: no `NAME=value`"),
        ("MLFLOW_TRACKING_TOKEN=\n", 0o600, "line 1"),
        (f"\nLD_PRELOAD={TOKEN}\n", 0o600, "line 2: a name"),
        (f"GATEWAY_HOME={TOKEN}\n", 0o600, "line 1: a name"),
        (f"MLFLOW_X={TOKEN}\n" * 5000, 0o600, "65,536 bytes"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path: Path, text: str, mode: int, part: str) -> None:
    """Each fault is told with its line and without a value."""
    with pytest.raises(LoadError) as raised:
        read_credentials(written(tmp_path, text, mode))
    assert raised.value.code == "mlflow-credentials"
    assert part in raised.value.message
    assert raised.value.hint
    assert TOKEN not in raised.value.message + raised.value.hint


def test_values_are_cut_out_of_messages() -> None:
    """Those that could be secrets; a region or a flag would cut words."""
    told = {"MLFLOW_TRACKING_TOKEN": TOKEN, "MLFLOW_ALLOW_FILE_STORE": "true"}
    assert hidden(f"it is true that {TOKEN} is refused", told) == "it is true that … is refused"


def test_doctor_looks_at_the_file_and_names_an_address_with_a_password(tmp_path: Path) -> None:
    """Names and never values; a password in the environment is a note, as it goes on working."""
    home = {"home": str(tmp_path), "registry": str(tmp_path / "registry.yaml")}

    def lines(**settings: str) -> list[str]:
        loaded = Settings.load({}, home | settings)
        found = [one for one in security_checks(loaded) if "MLFLOW" in one.text or "MLflow" in one.text]
        assert PASSWORD not in "".join(one.text + one.fix for one in found)
        return [f"{one.mark} {one.text}" for one in found]

    assert lines() == []
    assert lines(mlflow_uri="sqlite:///m.db?mode=ro") == []
    (line,) = lines(mlflow_uri=f"postgresql://me:{PASSWORD}@db/mlflow")
    assert line.startswith("note GATEWAY_MLFLOW_URI holds a name or a password")
    path = written(tmp_path, GOOD)
    (line,) = lines(mlflow_credentials=str(path))
    assert line.endswith(": GATEWAY_MLFLOW_URI, MLFLOW_TRACKING_TOKEN, AWS_SECRET_ACCESS_KEY")
    path.chmod(0o644)
    (line,) = lines(mlflow_credentials=str(path))
    assert "can be read by other users" in line
