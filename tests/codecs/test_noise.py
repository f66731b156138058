"""Whatever the bytes are, a codec reads rows or finds the client's fault: no other error, no hang, no raw NaN."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import noise
from batch_formats import FORMATS, NAMES, ROWS, SIGNATURE, chunks_of
from gateway.codecs import mlflow, positional_line, v2, v2_outputs, v2_specs, v2_tables
from gateway.codecs.base import Decoded
from gateway.codecs.chunks import Answered
from gateway.codecs.json import encode
from gateway.codecs.json_batch import JsonWriter
from gateway.codecs.json_codec import JsonCodec
from gateway.errors import InputError, TooLargeError
from gateway.rest.errors import body_of, status_of
from gateway.schema import Batch
from gateway.validation import Validator

#: Inputs per format in the long run: 220,000.
LONG = {
    "csv": 40_000,
    "ndjson": 30_000,
    "xlsx": 15_000,
    "parquet": 30_000,
    "json": 40_000,
    "positional": 20_000,
    "v2": 25_000,
    "mlflow": 20_000,
}
VALIDATOR = Validator(SIGNATURE, strict=True, id_fields=("id",))
CODEC = JsonCodec.of(SIGNATURE, id_fields=("id",))
FORM = {form.name: form for form in FORMATS}


def read_table(form: Any, body: bytes) -> list[Batch]:
    """Read a file chunk by chunk; what is no row has its number."""
    batches = []
    for chunk in chunks_of(form.reader(), body, chunk_rows=3, max_rows=200):
        assert chunk.size >= len(chunk.faults)
        assert all(fault.row is not None for fault in chunk.faults)
        if chunk.instances is None:
            rows = chunk.size if chunk.kept is None else len(chunk.kept)
            assert {len(column) for column in chunk.columns} <= {rows}
            batches.append(VALIDATOR.good_columns(chunk.names, chunk.columns).batch)
        else:
            batches.append(VALIDATOR.good_rows(chunk.instances, text=chunk.text).batch)
    return batches


def read_json(body: bytes) -> list[Batch]:
    """Read a body in one of the dialects of JSON."""
    decoded = CODEC.decode(body)
    assert not decoded.single or len(decoded.instances) == 1
    if decoded.single:
        return [VALIDATOR.rows(decoded.instances, text=decoded.text, at=decoded.at, single=True)]
    return [placed(decoded)]


def placed(decoded: Decoded) -> Batch:
    """Validate a list of instances; its faults are told where the client wrote the values."""
    try:
        return VALIDATOR.rows(decoded.instances, text=decoded.text, at=decoded.at)
    except InputError as error:
        raise error if decoded.locator is None else decoded.locator.rebased(error) from None


def read_line(body: bytes) -> list[Batch]:
    """Read a line of values."""
    return [VALIDATOR.rows([positional_line.parse_line(body.decode("utf-8", "replace"))], text=True)]


def read_mlflow(body: bytes) -> list[Batch]:
    """Read the JSON of MLflow."""
    return [placed(mlflow.decode(body, SIGNATURE))]


def read_v2(request: tuple[bytes, int | None]) -> list[Batch]:
    """Read an inference request, raw tensors included, and choose its outputs."""
    inference = v2.decode(*request)
    v2_outputs.chosen(inference, v2_specs.output_specs(SIGNATURE))
    names, columns = v2_tables.table_of(inference, SIGNATURE)
    assert {len(column) for column in columns} == {inference.inputs[0].shape[0]}
    try:
        return [VALIDATOR.columns(names, columns)]
    except InputError as error:
        raise v2_tables.locator_of(inference, SIGNATURE).rebased(error) from None


READERS: dict[str, Callable[[Any], list[Batch]]] = {
    **{name: (lambda body, form=form: read_table(form, body)) for name, form in FORM.items()},  # type: ignore[misc]
    "json": read_json,
    "positional": read_line,
    "mlflow": read_mlflow,
    "v2": read_v2,
}


def survive(kind: str, body: Any) -> str:
    """Read anything and say what became of it; only errors of the contract may come out, and both can be written."""
    try:
        batches = READERS[kind](body)
    except (InputError, TooLargeError) as error:
        assert 400 <= status_of(error) < 500
        noise.strict(msgspec.json.encode(body_of(error, status_of(error), "")))
        return error.faults[0].code if isinstance(error, InputError) else error.code
    for batch in batches:
        answers = [dict(enumerate(row)) for row in zip(*batch.columns, strict=True)]
        noise.strict(encode({"ids": batch.ids, "predictions": answers}))
        writer = JsonWriter("wrapped")
        noise.strict(writer.begin() + writer.rows(Answered(answers)) + writer.end())
    return "read" if any(batch.size for batch in batches) else "no good row"


def fuzz(kind: str, examples: int) -> noise.Tally:
    """Try noise, texts that look like the format, damaged good bodies and good bodies with odd cells."""
    columns = SIGNATURE.names if kind in ("v2", "positional") else NAMES
    row = ROWS[0][-len(columns) :]
    made = noise.v2(columns, row) if kind == "v2" else noise.bodies(kind, columns, row)
    return noise.attack(made, examples, lambda body: survive(kind, body))


@pytest.mark.parametrize("kind", LONG)
def test_noise_is_survived(kind: str) -> None:
    """Random, damaged and odd bodies end in rows or in a fault of the client, and both can be written as JSON."""
    fuzz(kind, 60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_much_noise_is_survived(kind: str, figures: Callable[[str], None]) -> None:
    """The same with over 200,000 bodies together."""
    tally = fuzz(kind, LONG[kind])
    figures(str(tally))
    assert tally.kinds["read"] > LONG[kind] // 100, "a run that sees hardly anything but refusals proves little"
    assert sum(LONG.values()) > 200_000


@pytest.mark.parametrize("kind", FORM)
def test_every_cut_is_refused_or_read(kind: str) -> None:
    """A body that was cut off anywhere is rows or a fault of the client, never another error."""
    body = FORM[kind].write(ROWS)
    for length in range(0, len(body), max(1, len(body) // 60)):
        survive(kind, body[:length])
