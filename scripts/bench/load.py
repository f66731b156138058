"""wrk as the client: one body, keep-alive, so many connections for so many seconds; its figures."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open({body!r}, "rb")
wrk.body = file:read("*all")
file:close()
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{{"requests":%d,"us":%d,"p50":%.3f,"p99":%.3f,"bad":%d,"broken":%d}}\\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""

#: As of a client that sends an id of its own with each request: no two heads are alike.
_VARY = """
local sent = 0
request = function()
  sent = sent + 1
  wrk.headers["X-Request-ID"] = string.format("%032d", sent)
  return wrk.format()
end
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Hold one run: requests a second, milliseconds, and how many answers were no 2xx or never came.

    `others` is the share of the machine that processes of nobody's here took meanwhile.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    failed: int
    others: float = 0.0


def check_wrk() -> None:
    """Raise SystemExit with the fix where wrk is absent."""
    if shutil.which("wrk") is None:
        raise SystemExit(
            "wrk: command not found; it sends the requests\nfix: apt-get install wrk, or: brew install wrk"
        )


def drive(url: str, body: bytes, *, connections: int, seconds: int, scratch: Path, vary: bool = False) -> Figures:
    """Send one body over and over, with the same head or each time another; `scratch` is for wrk's script."""
    scratch.mkdir(parents=True, exist_ok=True)
    body_path, script = scratch / "body.json", scratch / "post.lua"
    body_path.write_bytes(body)
    script.write_text(_SCRIPT.format(body=str(body_path)) + (_VARY if vary else ""))
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    rate = found["requests"] / (found["us"] / 1e6)
    return Figures(rate, found["p50"], found["p99"], found["bad"] + found["broken"])
