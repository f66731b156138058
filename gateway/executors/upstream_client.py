"""The client of the servers that a route names: their addresses, headers and certificates."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.artifacts.remote import Remote
from gateway.errors import LoadError
from gateway.executors.client_options import ClientOptions
from gateway.executors.header_file import HeaderFile
from gateway.executors.oip_client import OipClient
from gateway.system.server_address import address_of


def client_of(remote: Remote, check: Callable[[Mapping[str, Any]], None] | None = None) -> OipClient:
    """Return the client of an upstream; raises LoadError for files of headers or certificates that cannot be used."""
    options = ClientOptions(
        binary=remote.binary,
        max_rows=remote.max_rows,
        headers=HeaderFile(Path(remote.headers_from)) if remote.headers_from else None,
        tls=_tls(remote.ca) if any(url.startswith("https:") for url in remote.urls) else None,
        check=check,
    )
    return OipClient([replace(address_of(url), allowed=remote.egress) for url in remote.urls], remote.model, options)


def _tls(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise LoadError(
            f"the certificates in {Path(ca).name} cannot be used: {error}",
            code="ca-file",
            hint="name a PEM file with the certificate of the authority",
        ) from error
