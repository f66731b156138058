"""The script shows JSON as the server wrote it: tokens, order of members, layout."""

import json
from pathlib import Path

import msgspec

from console.modules import call, needs_node

TEXTS = (
    '{"answer":{"b":1.0,"a":[1e-7,{"x":null}],"10":true,"9":"a, b: {c} \\"d\\" \\\\"},"prediction":1.0}',
    "[]",
    "{}",
    '{"a":{},"b":[],"c":[{}],"d":[[]]}',
    '[1,2,"[x, y]",{"k":"}"}]',
    '"text"',
    "-0.0",
    '{"":"\\u2028","a\\"b\\\\":"é🙂"}',
)


@needs_node
def test_json_is_laid_out_as_the_server_lays_it_out(tmp_path: Path) -> None:
    found = call("answers.js", [["pretty", text] for text in TEXTS], tmp_path)
    assert found == [msgspec.json.format(text, indent=2) for text in TEXTS]


@needs_node
def test_members_keep_their_order_and_their_text(tmp_path: Path) -> None:
    found = call("answers.js", [["members", text] for text in TEXTS], tmp_path)
    for text, members in zip(TEXTS, found, strict=True):
        value = json.loads(text)
        if isinstance(value, dict):
            assert [name for name, _ in members] == list(value)
            assert [json.loads(one) for _, one in members] == list(value.values())
        else:
            assert [json.loads(one) for _, one in members] == (value if isinstance(value, list) else [])
    assert found[0][1] == ["prediction", "1.0"]


@needs_node
def test_a_long_text_is_no_trouble(tmp_path: Path) -> None:
    text = json.dumps({"a": '"\\' * 500_000, "b": 1})
    assert call("answers.js", [["members", text]], tmp_path)[0][1] == ["b", "1"]
