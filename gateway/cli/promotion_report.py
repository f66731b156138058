"""Text of a promotion: what it changes for clients, and how the answers differ."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.cli.import_cost import import_cost
from gateway.generations.answer_difference import (
    VALUE_CHANGE,
    Difference,
    Side,
    contributions_of,
    mean_contributions,
    positive_of,
)
from gateway.generations.promotion import Compared, Promotion
from gateway.generations.right_answers import scores
from gateway.prepare.exchanged_inputs import Exchange

#: Contributions and inputs that are told of one row, fields of the table of mean contributions.
_MOST_CONTRIBUTIONS: Final = 4
_MOST_INPUTS: Final = 12
_MOST_FIELDS: Final = 12
_MOST_LABELS: Final = 12


def lines_of(found: Promotion, most: int, expected: Sequence[str]) -> Iterator[str]:
    """Yield the report; `most` are the rows with the largest changes, `expected` the columns of right answers."""
    step, manifest = found.step, found.manifest
    if step is None:
        yield "nothing changes: this model is served already"
    elif step.breaking:
        yield from (f"breaks clients  {text}" for text in step.breaking)
    else:
        yield "clients         nothing breaks"
    golden = manifest.golden
    passed = (
        f"{golden.rows} rows of the candidate pass" if golden else "the candidate has none, and would serve unproven"
    )
    yield f"golden rows     {passed}"
    yield f"cost            loads in {manifest.load_s:.2f} s, {manifest.memory_bytes / 2**20:.0f} MB per worker"
    if step is not None and step.imports and (more := import_cost(step.imports)):
        yield f"                {more}"
    if found.served.loader != manifest.loader:
        yield f"loader          {found.served.loader} before, {manifest.loader} now"
    yield from (f"warning         {text}" for text in (*manifest.warnings, *(step.warnings if step else ())))
    yield from (f"note            {text}" for text in found.notes)
    if found.exchange is not None:
        yield from _exchange(found.exchange)
    for other in found.others:
        yield f"goes along      {other.path} is {other.kind}: registry.yaml has changed there since the last reload"
    for compared in found.compared:
        yield ""
        yield from _compared(compared, most, expected if compared.beside else ())


def _exchange(found: Exchange) -> Iterator[str]:
    times = found.before / max(found.after, 1e-12)
    yield f"LOOK AT THIS    {found.first} and {found.second} look exchanged. With the two exchanged, answers are"
    means = f"mean |change| {found.after:.3f} instead of {found.before:.3f}"
    yield f"                {times:.1f} times nearer to what is served ({means})."
    yield "                Had these columns changed places when the candidate was trained?"


def _compared(compared: Compared, most: int, expected: Sequence[str]) -> Iterator[str]:
    difference = compared.difference
    yield f"difference on {compared.source}, {difference.rows:,} row{'' if difference.rows == 1 else 's'}"
    yield f"  {difference.what:10} {_changed(difference)}"
    if difference.confusion:
        yield from _confusion(difference)
    if difference.changes is not None and difference.rows:
        yield from _quantiles(difference)
    for score in scores(compared.beside, compared.native, compared.served, compared.candidate) if expected else ():
        better = (score.candidate > score.served) == score.is_better_high
        verdict = "equal" if score.candidate == score.served else "better" if better else "worse"
        yield f"  {score.name:22} served {score.served:.4f}   candidate {score.candidate:.4f}   {verdict}"
    yield from _contributions(compared.served, compared.candidate)
    if difference.largest and most:
        yield f"  largest changes (rows count from 0){'' if len(difference.largest) <= most else f', {most} of them'}"
        for row in difference.largest[:most]:
            yield from _row(compared, row)


def _changed(difference: Difference) -> str:
    told = f"{difference.changed:,} of {difference.rows:,} change ({difference.share:.1%})"
    return f"{told}: by more than {VALUE_CHANGE:.0%}" if difference.what == "values" else told


def _confusion(difference: Difference) -> Iterator[str]:
    """Yield the table of served and candidate labels; of many labels the most frequent changes."""
    labels = difference.labels
    if len(labels) > _MOST_LABELS:
        changed = sorted((-count, pair) for pair, count in difference.confusion.items() if pair[0] != pair[1])
        yield from (f"    {old} -> {new}: {-count:,}" for count, (old, new) in changed[:_MOST_LABELS])
        return
    cells = [[f"{difference.confusion.get((old, new), 0):,}" for new in labels] for old in labels]
    width = max(len(text) for text in (*labels, *(cell for row in cells for cell in row)))
    first = max(len("served"), *map(len, labels))
    yield f"    {'':{first}}  candidate"
    yield f"    {'served':{first}}  {'  '.join(label.rjust(width) for label in labels)}"
    for label, row in zip(labels, cells, strict=True):
        yield f"    {label:{first}}  {'  '.join(cell.rjust(width) for cell in row)}"


def _quantiles(difference: Difference) -> Iterator[str]:
    median, most, nearly, largest = (f"{value:.3g}" for value in difference.quantiles)
    mean = float(difference.changes.mean()) if difference.changes is not None else 0.0
    yield f"  {difference.measure}"
    yield f"    |change|   median {median}   90 % {most}   99 % {nearly}   largest {largest}"
    yield f"    change     mean {mean:+.3g}"


def _contributions(served: Side, candidate: Side) -> Iterator[str]:
    """Yield what the answers of both models are made of, where both are explained on one scale."""
    old, new = mean_contributions(served), mean_contributions(candidate)
    ours, theirs = served.predictions.explanation, candidate.predictions.explanation
    if ours is None or theirs is None:
        return
    if ours.scale != theirs.scale:
        yield f"  what answers are made of: not comparable, {ours.scale} before and {theirs.scale} now"
        return
    names = sorted({*old, *new}, key=lambda name: -max(old.get(name, 0.0), new.get(name, 0.0)))
    width = max(len(name) for name in names)
    yield f"  what answers are made of: mean |contribution|, {ours.scale}"
    yield f"    {'':{width}}    served  candidate"
    for name in names[:_MOST_FIELDS]:
        before, after = old.get(name, 0.0), new.get(name, 0.0)
        yield f"    {name:{width}}  {before:8.3f}   {after:8.3f}{_shift(before, after, max(old.values(), default=0.0))}"
    if len(names) > _MOST_FIELDS:
        yield f"    and {len(names) - _MOST_FIELDS} more"


def _shift(before: float, after: float, largest: float) -> str:
    """Mark a field that gains or loses much: more than half of it, and a twentieth of the largest."""
    if abs(after - before) < max(0.5 * before, 0.05 * largest):
        return ""
    return "   <- more" if after > before else "   <- less"


def _row(compared: Compared, row: int) -> Iterator[str]:
    served, candidate = compared.served, compared.candidate
    change = compared.difference.changes
    by = f"   ({change[row]:+.3g})" if change is not None else ""
    yield f"    row {row}   {_answer(served, row)} -> {_answer(candidate, row)}{by}"
    yield f"      {_inputs(served, row)}"
    for name, side in (("served", served), ("candidate", candidate)):
        parts = contributions_of(side, row, _MOST_CONTRIBUTIONS)
        if parts:
            yield f"      {name:9}  {'   '.join(f'{field} {value:+.2f}' for field, value in parts)}"


def _answer(side: Side, row: int) -> str:
    answer, output = side.answers[row], side.signature.output
    table = side.predictions.probabilities
    if output.kind == "classification" and table is not None:
        label = positive_of(output)
        own = answer if label is None else label
        return f"{answer} ({f'{own} ' if own != answer else ''}{table[row][output.labels.index(own)]:.3f})"
    return f"{answer:.6g}" if isinstance(answer, float) else str(answer)


def _inputs(side: Side, row: int) -> str:
    pairs = zip(side.signature.names, side.batch.columns, strict=True)
    texts = [f"{name} {_cell(column[row])}" for name, column in pairs]
    more = f", and {len(texts) - _MOST_INPUTS} more" if len(texts) > _MOST_INPUTS else ""
    return ", ".join(texts[:_MOST_INPUTS]) + more


def _cell(value: Any) -> str:
    if value != value:  # noqa: PLR0124 - NaN is missing
        return "missing"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - a text may be a whole review
