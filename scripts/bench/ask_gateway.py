"""Ask a running gateway for a JSON document."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def get_json(address: str, path: str) -> Any:
    """Return the document at a path of a gateway."""
    client = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    client.request("GET", path)
    found = json.loads(client.getresponse().read())
    client.close()
    return found
