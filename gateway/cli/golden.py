"""`gateway golden`: make golden rows of a table, and compare what the model answers now with a column of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from gateway.answers.columns import columns_of, plan_of
from gateway.artifacts import golden_file, golden_rows
from gateway.artifacts.expected_answers import Expected, expected_of
from gateway.cli.asked_model import AskedModel, asked_model
from gateway.cli.command import FAILED, OK, Command, complete_path, display_path, print_line
from gateway.cli.place import limits_of
from gateway.cli.type_option import allow_type_option
from gateway.prepare.answers import Answers, Question, Rows, ask
from gateway.process.environment import configure_process
from gateway.registry.add import quoted
from gateway.schema import ABSOLUTE, RELATIVE, Predictions
from gateway.settings.settings import Settings
from gateway.system.suggest import listing


@click.command("golden", cls=Command, writes_home=True)
@click.argument(
    "model",
    metavar="ARTIFACT|ROUTE",
    nargs=-1,
    required=True,
    shell_complete=complete_path,
    help="files of a model, or the path of a route in registry.yaml such as /churn",
)
@click.option(
    "--from",
    "table",
    type=Path,
    required=True,
    metavar="FILE",
    shell_complete=complete_path,
    help="rows with the inputs in the artifact's names: CSV, NDJSON, XLSX or Parquet",
)
@click.option(
    "--expected",
    multiple=True,
    metavar="COLUMN",
    help="column of the answers that are right: labels, probabilities or values; once for each of several",
)
@click.option(
    "--out", type=Path, metavar="FILE", shell_complete=complete_path, help="default: where the route looks for it"
)
@click.option("--tolerance", type=float, metavar="NUMBER", help="replaces the 1e-6 of the allowed difference")
@click.option("--force", is_flag=True, help="replace other golden rows that are there")
@click.option("--dry-run", is_flag=True, help="compare only, and write nothing")
@click.option("--most", type=int, default=50, metavar="MOST", help="how many differing rows are named (default: 50)")
@click.option("--loader", metavar="LOADER", help="needed only if several loaders fit the artifact")
@click.option("--allow-pickle", is_flag=True, help="open an artifact that is a pickle")
@allow_type_option
def golden(
    settings: Settings,
    *,
    model: tuple[str, ...],
    table: Path,
    expected: tuple[str, ...],
    out: Path | None,
    tolerance: float | None,
    force: bool,
    dry_run: bool,
    most: int,
    loader: str | None,
    allow_pickle: bool,
    allow_types: tuple[str, ...],
) -> int:
    """
    Score the rows of a table and compare the answers with those that a notebook exported, then write them as golden
    rows, which are scored again at each start. Exit code 1 when an answer differs: nothing is written then.
    """
    configure_process(settings)
    with asked_model(settings, model, loader, allow_pickle=allow_pickle, allow_types=allow_types) as asked:
        question = Question(entry=asked.entry, server=asked.server, table=str(table.absolute()), beside=expected)
        answers = ask(question, limits_of(settings))
    rows = answers.table
    assert rows is not None  # noqa: S101 - the question named a table
    print_line(f"{_count(rows.batch.size)} of {table}, answered by {asked.shown}{_ignored(answers, expected)}")
    wanted = tolerance if tolerance is not None else asked.entry.spec.tolerance
    if expected:
        found = expected_of(rows.beside, answers.native.output, answers.merged.output)
        print_line(found.kind)
        if not _compare(found, answers, rows, wanted, most):
            return FAILED
        predictions = _expectations(found, answers, rows)
    else:
        predictions = golden_file.answers_of(rows.predictions, answers.native.output, rows.batch.size)
        print_line("no --expected: these golden rows hold what the model answers now, and prove that it stays so")
    if dry_run:
        print_line("--dry-run: nothing is written")
        return OK
    place = out.absolute() if out is not None else asked.golden
    data = golden_file.encoded(rows.batch, answers.native, predictions)
    is_new = golden_file.write(display_path(place), data, replace=force)
    print_line(f"{'wrote' if is_new else 'unchanged:'} {display_path(place)}")
    for line in _registry_lines(settings, asked, place, tolerance):
        print_line(line)
    return OK


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _ignored(answers: Answers, expected: tuple[str, ...]) -> str:
    """Name the columns that are neither input nor expected answer."""
    rows = answers.table
    known = {name for one in answers.merged.inputs for name in (one.name, *one.aliases)} | {*expected}
    left = [name for name in (rows.names if rows else ()) if name not in known]
    return f"; no inputs: {listing(left, 'and')}" if left else ""


def _compare(found: Expected, answers: Answers, rows: Rows, tolerance: float | None, most: int) -> bool:
    """Print how the answers agree, and each row that differs; return whether all agree."""
    predictions = _of_route(answers, rows) if found.has_labels else rows.predictions
    worst, differing, largest = 0.0, list[str](), 0.0
    for row, one in enumerate(found.told):
        for value in golden_rows.compare(one, predictions, row, found.output, tolerance):
            if value.is_equal:
                worst = max(worst, value.difference)
            else:
                differing.append(f"  row {row}  {value.name}: expected {value.expected!r}, got {value.found!r}")
                largest = max(largest, value.difference)
    size = rows.batch.size
    within = "" if found.has_labels else f" within {tolerance or ABSOLUTE:g} + {RELATIVE:g} x |expected|"
    if not differing:
        most_apart = f" (largest difference {worst:.1g})" if worst else ""
        print_line(f"equal: {size:,} of {size:,}{within}{most_apart}")
        return True
    print_line(f"DIFFERENT: {len(differing):,} of {size:,} answers{within} (rows count from 0)")
    for line in differing[:most]:
        print_line(line)
    if len(differing) > most:
        print_line(f"  and {len(differing) - most:,} more: --most {len(differing)}")
    for line in rounding(found, largest):
        print_line(line)
    print_line("nothing is written: a route answers 503 while its golden rows differ")
    return False


def rounding(found: Expected, largest: float) -> Iterator[str]:
    """Say it where all differences are explained by the decimals that the column has."""
    if found.decimals is None or not 0 < largest <= 0.5001 * 10**-found.decimals:
        return
    half = f"{0.5 * 10**-found.decimals:g}"
    yield f"the column is rounded to {found.decimals} decimals, which explains each difference: export all digits,"
    yield f"or accept the rounding with --tolerance {half}"


def _of_route(answers: Answers, rows: Rows) -> Predictions:
    """Return the predictions with the labels that the route answers: its threshold decides."""
    output = answers.merged.output
    if output.threshold is None:
        return rows.predictions
    labels = columns_of(plan_of(answers.merged, {"value"}), rows.batch, rows.predictions).values
    places = {label: place for place, label in enumerate(output.labels)}
    return replace(rows.predictions, values=np.asarray([places[label] for label in labels]))


def _expectations(found: Expected, answers: Answers, rows: Rows) -> list[dict[str, object]]:
    if found.has_labels and answers.merged.output.threshold is not None:
        print_line("a threshold of the route decides the labels: written are the model's own labels and probabilities")
        return golden_file.answers_of(rows.predictions, answers.native.output, rows.batch.size)
    return found.predictions


def _registry_lines(settings: Settings, asked: AskedModel, place: Path, tolerance: float | None) -> Iterator[str]:
    """Yield the lines of registry.yaml that make a route score these rows."""
    base = settings.registry.parent
    shown = place.relative_to(base) if place.is_relative_to(base) else place
    is_taken = asked.is_found and place == asked.golden
    if is_taken and asked.is_route:
        yield "the route takes this file already"
    else:
        yield "a route with this artifact takes it by itself; by name:" if is_taken else "name it in the route:"
        yield f"    golden: {quoted(shown.as_posix())}"
    if tolerance is not None and tolerance != asked.entry.spec.tolerance:
        yield f"    tolerance: {tolerance:g}"
