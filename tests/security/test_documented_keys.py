"""
The OpenAPI document of a gateway with keys is true: with a key of all scopes as without keys, and without one 401.

OWASP: API2, API9
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from gateway.security import key_changes
from rest.one_worker import REGISTRY, Worker
from rest.schemathesis_run import schemathesis
from security.closed import closed
from serving import ROOT, Gateway

#: One of each form of answers: predictions, V2's, a report, a list.
QUICK = ("/sum", "/v2/models/{model}/infer", "/health", "/routes", "/health/live")
#: One route with all its paths, and every path that is no route's; the five routes are asked without keys elsewhere.
SOME = "^/diabetes($|/)|^/(v2|health|metrics|routes|openapi.json|ping|version)"
OPEN = "^(/v2)?/health/(live|ready)$|^/ping$"


def test_made_up_requests_are_answered_as_told(tmp_path: Path) -> None:
    """Requests made from the document are answered as it says with a key; without one each gets the 401 that it has."""
    from schemathesis import openapi  # here: nothing else needs it, and it takes a while
    from schemathesis.specs.openapi import checks

    key = key_changes.create(tmp_path / "keys.yaml", ["*"], datetime.now(UTC)).text
    plain = {"Accept-Encoding": "identity"}
    sent = {**plain, "Authorization": f"Bearer {key}"}
    conforming = [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    asked: dict[str, set[tuple[int, int]]] = {}
    app = Worker(tmp_path, REGISTRY).layer()
    found = [one.ok() for one in openapi.from_wsgi("/openapi.json", app, headers=sent).get_all_operations()]  # type: ignore[union-attr]
    for operation in (one for one in found if one.path in QUICK):

        @hypothesis.settings(max_examples=2, deadline=None, derandomize=True, database=None)
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            known, alone = case.call(headers=sent), case.call(headers=plain)
            for answer in (known, alone):
                case.validate_response(answer, checks=conforming)
            asked.setdefault(case.path, set()).add((known.status_code, alone.status_code))

        ask()
    assert asked.keys() == set(QUICK)
    assert asked.pop("/health/live") == {(200, 200)}
    assert {alone for pairs in asked.values() for _, alone in pairs} == {401}
    assert {known for pairs in asked.values() for known, _ in pairs} <= {200, 400, 404}


@pytest.fixture(scope="module")
def five_with_keys(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the repository's own registry to callers with keys."""
    with closed(tmp_path_factory.mktemp("closed"), cache, ROOT / "registry.yaml") as running:
        yield running


@pytest.mark.slow
def test_schemathesis_finds_nothing_with_a_key(
    five_with_keys: Gateway, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """What is said with a key of all scopes is true in every phase; a key that is left out or wrong is refused."""
    arguments = ("--phases=examples,coverage,fuzzing", "--max-examples=3", f"--include-path-regex={SOME}")
    figures(schemathesis(five_with_keys, tmp_path, *arguments, timeout_s=3600))


@pytest.mark.slow
def test_schemathesis_is_refused_without_a_key(
    five_with_keys: Gateway, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """Whatever the document makes up, good or bad: without a key every operation answers 401 in its documented form."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(five_with_keys.get("/openapi.json").json))
    arguments = ("--phases=examples,coverage,fuzzing", "--max-examples=3", f"--include-path-regex={SOME}")
    told = schemathesis(
        five_with_keys,
        tmp_path,
        *arguments,
        f"--exclude-path-regex={OPEN}",
        document=document,
        timeout_s=3600,
        ONLY_STATUS="401",
    )
    figures(told)
