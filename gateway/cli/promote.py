"""`gateway promote`: compare a candidate with the model that a route serves, then serve it."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import click

from gateway.cli.asked_model import route_named
from gateway.cli.candidate import Candidate, entry_keys, refuse_other_loader
from gateway.cli.command import FAILED, OK, Command, complete_path, display_path, print_line, print_note
from gateway.cli.place import place_of
from gateway.cli.promoting import serve_edited
from gateway.cli.promotion_report import lines_of
from gateway.errors import GatewayError
from gateway.generations import snapshot
from gateway.generations.promotion import AskedRows, Promotion, compare_candidate
from gateway.process.environment import configure_process
from gateway.registry.edit_route import EditedRegistry, edit_route
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a share: `5%` or `0.05`."""
    if value is None:
        return None
    text = value.strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(f"{text!r} is no share: 5% or 0.05", ctx, param)
    return share


@click.command("promote", cls=Command, writes_home=True)
@click.argument(
    "artifacts",
    metavar="ARTIFACT...",
    nargs=-1,
    required=True,
    shell_complete=complete_path,
    help="file or folder of a model, several files of one, or a reference such as mlflow:models:/churn@champion",
)
@click.option("--route", required=True, metavar="/PATH", help="route that is to serve it")
@click.option(
    "--data",
    type=Path,
    metavar="FILE",
    shell_complete=complete_path,
    help="rows on which the answers are compared too: CSV, NDJSON, XLSX or Parquet",
)
@click.option("--expected", metavar="COLUMN", help="column of --data with the right answers: which model is better?")
@click.option("--dry-run", is_flag=True, help="tell everything and the lines that would change, and change nothing")
@click.option(
    "--max-changed", callback=_share, metavar="SHARE", help="refuse if more of the answers change, such as 5%"
)
@click.option("--allow-breaking", is_flag=True, help="promote even if requests or readers that worked before break")
@click.option("--golden", default="", metavar="FILE", shell_complete=complete_path, help="golden rows of the candidate")
@click.option("--version", metavar="TEXT", help="version of the entry (default: 12 digits of the sha256)")
@click.option("--most", type=int, default=20, metavar="MOST", help="rows with the largest changes (default: 20)")
@click.option("--loader", metavar="LOADER", help="needed only if several loaders fit, or the entry names another one")
@click.option("--allow-pickle", is_flag=True, help="accept a pickle: pins its sha256 and sets allow_pickle")
def promote(
    settings: Settings,
    *,
    artifacts: tuple[str, ...],
    route: str,
    data: Path | None,
    expected: str | None,
    dry_run: bool,
    max_changed: float | None,
    allow_breaking: bool,
    golden: str,
    version: str | None,
    most: int,
    loader: str | None,
    allow_pickle: bool,
) -> int:
    """
    Prepare a candidate beside the model that a route serves, and tell how clients and answers are affected; then write
    its entry with pin and version, and reload. Exit code 1 when it is refused: nothing changes then.
    """
    configure_process(settings)
    if expected is not None and data is None:
        raise click.UsageError("--expected names a column of --data, which is missing.")
    place, path = place_of(settings), display_path(settings.registry)
    spec = route_named(load_registry(path, root_path=settings.root_path), route, path)
    candidate = Candidate(artifacts=artifacts, loader=loader, allow_pickle=allow_pickle, version=version, golden=golden)
    keys = entry_keys(settings, candidate, spec, path.absolute().parent)
    edited = edit_route(path, spec.path, keys, root_path=settings.root_path)
    refuse_other_loader(candidate, next(one for one in edited.new.routes if one.path == spec.path))
    before = snapshot.committed(settings.state_dir)
    asked = AskedRows(table=data, beside=(expected,) if expected else ())
    found = compare_candidate(place, before, edited.old, edited.new, spec.path, asked=asked, tell=_tell)
    for line in (f"promote {' '.join(artifacts)} to {spec.path}", *lines_of(found, most, asked.beside), ""):
        print_line(line)
    refused = list(_refusals(found, max_changed, allow_breaking=allow_breaking))
    for reason in refused:
        print_line(f"REFUSED         {reason}")
    if dry_run:
        print_line("--dry-run: nothing is changed; the lines would be")
        for line in _changed_lines(edited):
            print_line(line)
    if refused:
        return FAILED
    return OK if dry_run else serve_edited(settings, edited, found, before)


def _tell(what: str) -> None:
    print_note(f"{what} …")


def _refusals(found: Promotion, most: float | None, *, allow_breaking: bool) -> Iterator[str]:
    """Yield why the candidate may not be promoted."""
    if found.step is not None and found.step.breaking and not allow_breaking:
        yield "it breaks clients; to do so all the same: --allow-breaking"
    if most is None:
        return
    if not found.compared:
        raise GatewayError(
            "--max-changed has no answers to compare",
            code="nothing-compared",
            hint="give rows with --data FILE.csv, or golden rows to the route",
        )
    # The rows of a file are many and are those of today: golden rows count where there are no others.
    last = found.compared[-1]
    if last.difference.share > most:
        share = f"{last.difference.share:.1%} of the {last.difference.what} on {last.source}"
        yield f"{share} change, --max-changed allows {100 * most:g}%"


def _changed_lines(edited: EditedRegistry) -> Iterator[str]:
    old, new = (data.decode("utf-8").splitlines() for data in (edited.before, edited.after))
    name = edited.path.name
    yield from (f"  {line}" for line in difflib.unified_diff(old, new, name, name, n=1, lineterm=""))
