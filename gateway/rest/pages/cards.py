"""Rendered cards by their content: each worker renders a card once, however many generations hold it."""

import threading
from pathlib import Path
from typing import Final

from gateway.artifacts import card_file
from gateway.artifacts.manifest import Attachment, Manifest
from gateway.console.card import SlowCardError, render_card
from gateway.console.model_page import ShownCard
from gateway.registry.attached_files import CARD
from gateway.system import files

#: Cards that are kept; the oldest goes first.
MOST_KEPT: Final = 64
_NONE: Final = ShownCard(
    reason="This model has no card.",
    fix="Write a README.md beside the artifact, or name a markdown file in registry.yaml (card: docs/churn.md).",
)


class Cards:
    """Hold the cards that were shown. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: dict[str, ShownCard] = {}

    def of(self, manifest: Manifest) -> ShownCard:
        """Return the card of a model; call it in a native thread: the worst ones take two seconds."""
        kept = manifest.attachments.get(CARD)
        if kept is None:
            return _NONE
        if kept.problem is not None:
            return ShownCard(reason=f"The card is not shown: {kept.problem.message}", fix=kept.problem.hint or "")
        with self._lock:  # one at a time: two visitors of a new generation wait for one rendering
            return self._shown.get(kept.sha256) or self._rendered(kept)

    def _rendered(self, kept: Attachment) -> ShownCard:
        try:
            content = files.read(Path(kept.path), card_file.MOST_BYTES)
        except OSError:
            # Not remembered: a reload copies it again.
            return ShownCard(reason="The copy of the card is gone from the cache.", fix="gateway reload")
        self._shown[kept.sha256] = shown = _render(content.decode("utf-8", "replace"))
        while len(self._shown) > MOST_KEPT:
            del self._shown[next(iter(self._shown))]
        return shown


def _render(text: str) -> ShownCard:
    try:
        card = render_card(text)
    except SlowCardError:
        return ShownCard(
            reason="The card is not shown: it is nested too deeply to be rendered in time.",
            fix="Simplify its markup: fewer brackets, stars and quotes inside each other.",
        )
    return ShownCard(html=card.html, front_matter=card.front_matter)
