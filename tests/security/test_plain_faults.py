"""
Faults of keys.yaml are told in the words of whoever wrote it.

OWASP: API2
"""

from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.security import key_file

WHOLE = 'scopes: [catalog], secrets: [{sha256: "' + "0" * 64 + '"}]'
JWT = "issuer: https://id.example, audience: gateway"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keys: [{id: aaaaaaaa, secrets: []}]", "keys[0] (aaaaaaaa): scopes is missing"),
        (f"keys: [{{id: aaaaaaaa, scope: [catalog], {WHOLE}}}]", "the key 'scope' is unknown; did you mean 'scopes'?"),
        (
            f"keys: [{{id: aaaaaaaa, {WHOLE}, name: 5}}]",
            "keys[0] (aaaaaaaa): name: expected a text, not a whole number",
        ),
        ("keys: [{id: aaaaaaaa, scopes: catalog, secrets: []}]", "scopes: expected a list, not a text"),
        ("keys: [{id: aaaaaaaa, scopes: [catalog], secrets: [{}]}]", "secrets[0]: sha256 is missing"),
        ("keys: [a]", "keys[0]: expected a mapping, not a text"),
        (f"jwt: {{{JWT}, jkws: a.json}}", "jwt: the key 'jkws' is unknown; did you mean 'jwks'?"),
        ("jwt: {audience: gateway}", "jwt: issuer is missing (it takes issuer, audience"),
        (f"jwt: {{{JWT}, algorithms: RS256}}", "jwt: algorithms: expected a list, not a text"),
        (f"jwt: {{{JWT}, scopes: {{team: catalog}}}}", "jwt: scopes: expected a list, not a text"),
    ],
)
def test_faults_of_the_file_of_keys_are_in_plain_words(text: str, told: str) -> None:
    """Which key, which of its values, what was expected: no `$`, no `Object`, no `array`."""
    with pytest.raises(GatewayError) as refused:
        key_file.parse(Path("keys.yaml"), text.encode())
    assert told in refused.value.message
    assert not [word for word in ("$", "Object", "`array`", "`str`") if word in refused.value.message]
