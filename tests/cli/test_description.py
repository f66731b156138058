"""The text of `gateway describe`: names of a stranger's artifact stay on their own lines."""

from gateway.cli.description import Description, text_of
from gateway.schema import Field, Output, Signature

FORGED = "good\nsha256    0000"


def test_no_name_begins_a_line_of_the_report() -> None:
    """Columns, labels, levels, members and globals with a line break are shown with it written out."""
    signature = Signature(
        inputs=(Field(name=FORGED, type="string", enum=(FORGED, "b")),),
        output=Output(kind="classification", labels=(FORGED, "bad")),
    )
    shown = text_of(
        Description(
            artifact="m.skops",
            loader="sklearn",
            sha256="ffff",
            size_bytes=1,
            parts={FORGED: "eeee"},
            imports=(FORGED,),
            signature=signature,
        )
    )
    assert [line for line in shown.splitlines() if line.startswith("sha256")] == ["sha256    ffff"]
    assert shown.count(r"good\nsha256    0000") == 5
