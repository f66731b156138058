"""
Decide whether an artifact written by other library versions may serve: proven, checked by golden rows, or accepted in
the registry.

The loader reports the versions (`Skew`). Rules that hold in any case (probabilities) are checked elsewhere.
"""

from collections.abc import Sequence

from gateway.errors import LoadError
from gateway.loaders.base import Skew

_MOST_NAMED = 4


def accept(skew: Skew | None, *, accepted: str | None, golden_rows: int, installed: Sequence[str]) -> tuple[str, ...]:
    """
    Return the warnings under which an artifact may serve; raises LoadError `unproven-version`.

    `accepted` is the value of accept_version in the registry, `installed` the versions in this environment, as text.
    """
    if skew is None:
        if accepted is not None:
            return (f"accept_version: {accepted} is not needed: the installed version wrote the artifact",)
        return ()
    written = f"written with {_listed(skew.written)}, served with {_listed(installed)}"
    if not skew.unproven:
        return (f"{written}; every class of it is proven to answer alike",)
    if golden_rows:
        return (f"{written}; not proven for {_named(skew.classes)}, but its {golden_rows} golden rows pass",)
    if accepted is not None and _versions(accepted) == {version_of(one) for one in skew.unproven}:
        return (f"{written}; not proven for {_named(skew.classes)}, and accepted unchecked by accept_version",)
    wanted = ", ".join(sorted({version_of(one) for one in skew.unproven}))
    told = f"accept_version says {accepted}; " if accepted is not None else ""
    raise LoadError(
        f"{told}{written}: nothing shows that {_named(skew.classes)} of that version answers here as it did there",
        code="unproven-version",
        hint="put golden rows from where it was trained beside it (docs/golden.md), or train it again with the "
        f'installed version; to serve it unchecked, say accept_version: "{wanted}"',
    )


def version_of(text: str) -> str:
    """Return `1.3.2` of `scikit-learn 1.3.2`."""
    return text.rpartition(" ")[2]


def _versions(accepted: str) -> set[str]:
    return {one.strip() for one in accepted.split(",")}


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) or "nothing"


def _named(classes: Sequence[str]) -> str:
    """Return the first few class names without their modules."""
    short = sorted({name.partition("(")[0].rpartition(".")[2] for name in classes})
    more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
    return ", ".join(short[:_MOST_NAMED]) + more
