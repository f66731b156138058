"""`gateway doctor` asks every server that a route asks, and says what to do about one that does not answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.v2_server import METADATA, V2Server
from gateway.cli.diagnosis import Diagnosis
from gateway.cli.place import place_of
from gateway.cli.server_checks import server_checks
from gateway.generations.transaction import attempt
from gateway.settings.settings import Settings
from serving import free_port


@pytest.fixture
def server() -> Iterator[V2Server]:
    """Return a server that answers."""
    server = V2Server(free_port())
    yield server
    server.close()


def checked(folder: Path, entry: str, *, prepare: bool = False) -> list[Diagnosis]:
    """Return what is found out of the servers of one route, which a gateway here may have prepared before."""
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {entry}\n")
    settings = Settings(registry=folder / "registry.yaml", home=folder / "home")
    if prepare:
        assert attempt(place_of(settings)).result == "committed"
    return list(server_checks(settings))


def test_each_address_is_asked(server: V2Server, tmp_path: Path) -> None:
    """One that is ready is well, one where nobody listens is named with the way to mend it."""
    dead = f"http://127.0.0.1:{free_port()}"
    good, bad = checked(tmp_path, f"{{executor: {{kind: upstream, url: ['{server.address}', '{dead}']}}}}")
    assert (good.is_well, good.text) == (True, f"server {server.address} of /m: model m is ready")
    assert (bad.is_well, bad.text.startswith(f"server {dead} of /m: "), "refused" in bad.text) == (False, True, True)
    assert "start it" in bad.fix


def test_a_server_without_the_model_and_one_that_still_loads_it(server: V2Server, tmp_path: Path) -> None:
    """Both answer, and neither is well."""
    entry = f"{{executor: {{kind: upstream, url: '{server.address}', model: %s}}}}"
    assert [one.is_well for one in checked(tmp_path, entry % "absent")] == [False]
    server.is_ready = False
    [loading] = checked(tmp_path, entry % "m")
    assert (loading.is_well, "not ready" in loading.text) == (False, True)


def test_a_server_that_tells_of_another_model_than_was_prepared(server: V2Server, tmp_path: Path) -> None:
    """Calls would leave it out, so the doctor names the difference."""
    entry = f"{{executor: {{kind: upstream, url: '{server.address}'}}}}"
    assert [one.is_well for one in checked(tmp_path, entry, prepare=True)] == [True]
    server.metadata = METADATA | {"inputs": [{"name": "b", "datatype": "FP64", "shape": [-1]}]}
    [other] = checked(tmp_path, entry)
    assert (other.is_well, "'b'" in other.text or " b" in other.text) == (False, True)


def test_files_of_an_h2o_server_are_looked_for(tmp_path: Path) -> None:
    """A file that is no model of H2O, or one without a jar, is told as preparing would tell it."""
    (tmp_path / "model").write_bytes(b"no model")
    [told] = checked(tmp_path, "{artifact: model, executor: h2o_server}")
    assert (told.is_well, told.text.startswith("H2O server of /m: ")) == (False, True)


def test_a_cluster_is_looked_for(tmp_path: Path) -> None:
    """Its environment and token first, then its head: each is named with the way to mend it."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    (tmp_path / "token").write_text("secret")
    entry = f"{{artifact: m.stub, executor: {{kind: ray, token: token, address: '127.0.0.1:{free_port()}'}}}}"
    [told] = checked(tmp_path, entry)
    assert (told.is_well, told.text.startswith("cluster 127.0.0.1:"), bool(told.fix)) == (False, True, True)


def test_a_registry_without_servers_has_nothing_to_ask(tmp_path: Path) -> None:
    """No line, also where the registry cannot be read."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    assert checked(tmp_path, "{artifact: m.stub}") == checked(tmp_path, "[") == []
