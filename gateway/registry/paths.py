"""Check public paths: their syntax, the paths that the gateway reserves, and collisions between routes."""

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.registry.report import Span
from gateway.registry.spec import NAME_PATTERN
from gateway.registry.values import Document

#: Unreserved characters of RFC 3986; Flask reads '<' as a converter, and '%' would need decoding.
_SEGMENT: Final = r"[A-Za-z0-9._~-]+"
_PATH: Final = re.compile(rf"(?:/{_SEGMENT})+")

RESERVED: Final = ("/", "/health", "/metrics", "/routes", "/openapi.json", "/docs", "/console", "/v2", "/static")
#: Everything below these is reserved as well.
RESERVED_TREES: Final = ("/health", "/console", "/v2", "/static")
RESERVED_ENDS: Final = ("/schema", "/invocations", "/check")

#: Longer ones would not fit into their place on the scoreboard (gateway/scoreboard/layout.py, 240 bytes).
MAX_NAME_LENGTH = 200


@dataclass(slots=True)
class Taken:
    """Remember the paths and names of routes, and where each was written."""

    paths: dict[str, tuple[str, Span]] = field(default_factory=dict)
    names: dict[str, tuple[str, Span]] = field(default_factory=dict)
    #: A route whose claims do not count: its repeated entry must not collide with the first.
    ignored: str | None = None

    def claim(self, claims: dict[str, tuple[str, Span]], name: str, route: str, span: Span) -> tuple[str, Span] | None:
        """Claim a path or name for a route; return an earlier claim of it."""
        there = claims.setdefault(name, (route, span))
        return None if there == (route, span) or there[0] == self.ignored else there


def is_reserved(path: str) -> bool:
    """Return whether the gateway reserves this path."""
    lower = path.lower()
    below = any(lower.startswith(f"{tree}/") for tree in RESERVED_TREES)
    return lower in RESERVED or below or lower.endswith(RESERVED_ENDS)


def reserved_tree(prefix: str) -> str:
    """Return the path of the gateway with which a prefix begins, empty if there is none."""
    first = f"/{prefix.split('/')[1]}"
    return first if is_reserved(first) else ""


def derived_name(path: str) -> str:
    """Return the name of a route without `name`: lower case, without the first '/', inner slashes as '-'."""
    return path.removeprefix("/").replace("/", "-").replace("~", "-").lower()


def check_path(document: Document, taken: Taken, path: str, span: Span, route: str) -> bool:
    """Note the faults of a path or alias of `route`; claim it if there are none."""
    if path != "/" and (not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/"))):
        document.fault(
            span,
            "bad-path",
            f"'{path}' is not a path",
            expected="'/' before each part, parts of letters, digits, '.', '_', '~' or '-', no '/' at the end",
            fix=_repaired(path),
        )
        return False
    if is_reserved(path):
        document.fault(
            span,
            "reserved-path",
            f"path '{path}' belongs to the gateway",
            expected=f"none of {', '.join(RESERVED)}, nothing below {', '.join(RESERVED_TREES)}, "
            f"no end in {', '.join(RESERVED_ENDS)}",
            fix=f"another path, for example '/models{path if path != '/' else '/root'}'"
            if not path.lower().endswith(RESERVED_ENDS)
            else f"another path, for example '{path}s'",
        )
        return False
    if there := taken.claim(taken.paths, path, route, span):
        owner, where = there
        whose = f"route '{owner}'" if owner != route else "this route"
        document.fault(
            span,
            "duplicate-path",
            f"path '{path}' is already taken by {whose} (line {where.line + 1})",
            fix="delete one of the two, or give one of them another path",
        )
        return False
    return True


def check_root_path(document: Document, taken: Taken, root_path: str) -> None:
    """Note every path that starts with the prefix of a reverse proxy and without it is another path of the gateway."""
    if root_path and reserved_tree(root_path):
        document.fault(
            None,
            "ambiguous-root-path",
            f"GATEWAY_ROOT_PATH={root_path} begins with a path of the gateway itself",
            expected=f"none of {', '.join(RESERVED)}",
            fix="give the gateway another prefix in the reverse proxy, for example /ml",
        )
        return
    for path, (_, span) in taken.paths.items():
        inner = path.removeprefix(f"{root_path}/")
        if not root_path or inner == path:
            continue
        inner = f"/{inner}"
        if is_reserved(inner) or inner in taken.paths:
            owner = f"route '{taken.paths[inner][0]}'" if inner in taken.paths else "the gateway itself"
            document.fault(
                span,
                "ambiguous-root-path",
                f"'{path}' may also mean '{inner}' of {owner}: below GATEWAY_ROOT_PATH={root_path} both are one path",
                expected=f"a path that is free without {root_path} as well",
                fix=f"another path, for example '{inner}-2'",
            )


def _repaired(path: str) -> str:
    parts = [re.sub(r"[^A-Za-z0-9._~-]+", "-", part).strip("-") for part in path.split("/")]
    good = [part for part in parts if part not in {"", ".", ".."}]
    return f"write '/{'/'.join(good)}'" if good else "write '/name'"


def check_name(document: Document, taken: Taken, name: str, span: Span, route: str) -> None:
    """Note a name that cannot be a metric label or that another route has."""
    if len(name) > MAX_NAME_LENGTH:
        document.fault(
            span,
            "bad-name",
            f"the name of route '{route[:60]}…' has {len(name)} characters",
            expected=f"at most {MAX_NAME_LENGTH}: every worker keeps it on the shared board",
            fix="add a shorter `name:`",
        )
    elif not re.fullmatch(NAME_PATTERN, name):
        document.fault(
            span,
            "bad-name",
            f"no name can be made of path '{route}'",
            expected="a lower-case letter or digit, then letters, digits, '.', '_' or '-'",
            fix=f"add `name: {re.sub('^[^a-z0-9]+', '', name) or 'my-model'}`",
        )
    elif (there := taken.claim(taken.names, name, route, span)) and there[0] != route:
        owner, where = there
        document.fault(
            span,
            "name-collision",
            f"name '{name}' of route '{route}' is already the name of route '{owner}' (line {where.line + 1})",
            expected="one name per route: it is the metric label and the V2 model name",
            fix=f"add `name: {name}-2` to one of them",
        )
