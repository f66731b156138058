"""Fetch by URL over connections that `server.egress_allow` holds, also where a server redirects to another place."""

import http.client
import socket
import time
import urllib.request
from typing import Any

from gateway.system.egress import Egress
from gateway.system.judged_connection import connect


def opener(egress: Egress) -> urllib.request.OpenerDirector:
    """Return what opens http and https URLs; a refusal is an OSError with its reason."""

    def judged(place: tuple[str, int], timeout_s: float, _source: Any = None) -> socket.socket:
        made = connect(*place, egress, time.monotonic() + timeout_s)
        made.settimeout(timeout_s)
        return made

    class Plain(http.client.HTTPConnection):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self._create_connection = judged

    class Secured(Plain, http.client.HTTPSConnection):
        pass

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecuredHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secured, req)

    found = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        PlainHandler(),
        SecuredHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),  # no other scheme, whatever a redirect names
    ):
        found.add_handler(handler)
    return found
