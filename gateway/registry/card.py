"""Check the file that `card` of a route names."""

from pathlib import Path

from gateway.artifacts.card_file import MOST_BYTES, check_card
from gateway.errors import ArtifactError
from gateway.registry.files import check_file
from gateway.registry.values import Document, Value


def check_named(document: Document, base: Path, named: Value) -> None:
    """Note a card that is absent, too long, no text, or a link to somewhere else."""
    path = check_file(document, base, named.raw, named.span, "card-missing")
    if path is None:
        return
    try:
        check_card(path, (base,))
    except ArtifactError as error:
        document.fault(
            named.span, error.code, error.message, expected=f"a text of at most {MOST_BYTES:,} bytes", fix=error.hint
        )
