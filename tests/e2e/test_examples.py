"""The examples of scripts/examples/ run as they are, against a real gateway, and show what it says."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from serving import ROOT, Gateway

FOLDER = ROOT / "scripts" / "examples"
SAMPLE = ROOT / "models" / "insurance" / "sample.csv"


def test_the_notebook_shows_a_prediction_and_what_is_wrong(five: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs; the number is the gateway's, and each fault stands there with its field and its fix."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed here (dev)")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed here (dev)")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed here (dev)")
    monkeypatch.setenv("MODEL_SERVER_URL", f"http://127.0.0.1:{five.port}")
    book = nbformat.read(FOLDER / "earnings.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    printed = {cell.id: "".join(one.get("text", "") for one in cell.get("outputs", [])) for cell in book.cells}
    sample = five.get("/earnings/schema?sample").json
    assert f"{five.post('/earnings', sample).json['predicted_earn']:,.2f} USD a year" in printed["answer"]
    assert re.search(r"^SAT_AVG_ALL +\[0\.0, 1600\.0\]$", printed["form"], re.MULTILINE)
    assert re.search(r"^CREDDESC +8 levels$", printed["form"], re.MULTILINE)
    head, level, limit = printed["fault"].strip().splitlines()
    assert head == "Please mend the inputs:"
    assert "CREDDESC: 'Bachelor Degree'" in level and "Bachelors Degree" in level
    assert limit == "- ADM_RATE_ALL: 9 is above the maximum 1 for ADM_RATE_ALL"


def opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the Streamlit page for a gateway."""
    testing = pytest.importorskip("streamlit.testing.v1", reason="streamlit is not installed here (dev)")
    monkeypatch.setenv("MODEL_SERVER_URL", url)
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "model_client", raising=False)
    # Streamlit puts the page there; processes that later tests spawn would run it at their start.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return testing.AppTest.from_file(str(FOLDER / "insurance.py"), default_timeout=60).run()


@pytest.fixture
def app(five: Gateway, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the Streamlit page."""
    return opened(f"http://127.0.0.1:{five.port}", monkeypatch)


def upload(app: Any, content: bytes) -> None:
    """Choose a file and press the button."""
    app.file_uploader[0].upload("rows.csv", content, "text/csv").run()
    app.button[0].click().run()
    assert not app.exception


def test_the_page_scores_a_file(app: Any, five: Gateway) -> None:
    """It names the columns of the model, shows five rows of the file, and offers the answers of the gateway."""
    assert not app.exception
    assert "Vehicle_Damage, Annual_Premium" in app.caption[0].value
    upload(app, SAMPLE.read_bytes())
    assert len(app.table[0].value) == 5
    answers = five.request("POST", "/insurance", SAMPLE.read_bytes(), {"Content-Type": "text/csv"}).json
    assert app.success[0].value == f"{len(answers)} rows scored, {sum(answers.values())} of them would buy."


def test_the_page_shows_what_is_wrong_with_a_file(app: Any) -> None:
    """A column that is absent and a cell that cannot be are told in the words of the gateway; nothing is offered."""
    header, first, *_ = SAMPLE.read_text().splitlines()
    upload(app, "\n".join([header.replace("Vintage", "Days"), first]).encode())
    assert "- Vintage: Vintage is required" in app.error[0].value
    upload(app, "\n".join([header, first.replace(",50,", ",500,")]).encode())
    assert "- row 1, Age: '500' is above the maximum 120 for Age" in app.error[0].value
    assert not app.success


def test_without_a_gateway_the_page_says_where_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that finds nobody names the address and how to start one."""
    page = opened("http://127.0.0.1:9", monkeypatch)
    assert page.error[0].value.startswith("no gateway answers at http://127.0.0.1:9")
    assert "make run" in page.error[0].value


def test_the_notebook_is_stored_without_outputs() -> None:
    """What is committed is the text of the cells, so that a diff shows edits only."""
    book = json.loads(Path(FOLDER / "earnings.ipynb").read_text())
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in book["cells"])
