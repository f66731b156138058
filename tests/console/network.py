"""Slow the network of a page down, as DevTools does."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page


def throttle(
    page: "Page", *, latency_ms: float = 0, upload: float = -1, download: float = -1, offline: bool = False
) -> "CDPSession":
    """Add latency and limit the bytes per second of each way; -1 means no limit. Send it again to change it."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": offline, "latency": latency_ms, "downloadThroughput": download, "uploadThroughput": upload},
    )
    return session
