"""`gateway wait`: wait until the gateway is ready, then show one working curl per route."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.client import Client
from gateway.cli.command import BAD_REGISTRY, FAILED, OK, Command, complete_path, print_line, print_note
from gateway.cli.routes import line, print_refusal
from gateway.errors import GatewayError
from gateway.rest.describe.sample_request import JSON_TYPE, SampleRequest
from gateway.scoreboard import status
from gateway.settings.settings import Settings
from gateway.system import processes

#: Routes that receive a sample request; for all others the state suffices: 1,000 requests would load 1,000 lazy models.
MOST_SHOWN = 20
MOST_CHARACTERS = 1_000
#: How long a process may be silent before it counts as not started.
SILENT_S = 15.0
#: How long a process that has just failed may take to be started again.
_RESTART_S = 2.0
#: How long a route may take to answer its sample: a lazy model is loaded first.
ASKED_S = 30.0
_ANSWERED = 200
_UNASKED = "unasked"
#: Answers that say nothing against a route.
_NOT_THE_ROUTE: Final = {
    # Types and limits do not suffice to guess values that a model accepts.
    400: "the values were made up and do not suit the model: `examples` of the inputs are shown instead",
    401: "this key does not count any more",
    403: "this key may not use the route: nothing is known of it here",
    429: "this caller has used up its limit for now",
}


@click.command("wait", cls=Command)
@click.option(
    "--timeout", type=float, default=300.0, metavar="TIMEOUT", help="seconds to wait without progress (default: 300.0)"
)
@click.option("--starting", is_flag=True, help="it is being started now: what had failed before is not told")
@click.option(
    "--logs",
    type=Path,
    metavar="LOGS",
    shell_complete=complete_path,
    help="folder of the log files, printed if a check fails",
)
def wait(settings: Settings, *, timeout: float, starting: bool, logs: Path | None) -> int:
    """Wait for the gateway of these settings. Exit code 0 when every route answers, 1 when one does not."""
    operators = Client.of_operators(settings)
    try:
        before = status.read(settings.status_path) if starting else None
        health = _wait(operators, settings, timeout, before)
    except GatewayError as error:
        print_note(f"\n{error.message if error.code == _UNASKED else f'gateway is not ready: {error.message}'}")
        if error.hint:
            print_note(f"  fix: {error.hint}")
        if logs:
            print_note(f"  logs: {logs}")
        return BAD_REGISTRY if error.code == "registry" else FAILED
    if not health:
        return _show_closed(Client.of(settings))
    return _show(replace(Client.of(settings), timeout_s=ASKED_S), operators, health)


def _wait(client: Client, settings: Settings, timeout_s: float, before: status.Status | None) -> dict[str, Any]:
    """
    Return /health once every worker serves the same generation; raises GatewayError with the reason otherwise.

    Without a key that opens /health, where one is asked for, return nothing once the gateway is ready. What stands
    `before` is not told as a failure of now.
    """
    began = printed = moved = time.monotonic()
    message = ""
    while time.monotonic() - moved <= timeout_s:
        report = status.read(settings.status_path)
        if report.message != message:
            message, moved = report.message, time.monotonic()
        is_alive = processes.is_alive(report.pid, report.began)
        has_failed = report.phase == "failed" and not is_alive
        if has_failed and report != before and time.monotonic() - began > _RESTART_S:
            break
        if is_alive and report.phase == "serving":
            health = _health(client)
            if health is not None and (not health or _is_complete(health)):
                return health
        if not is_alive and time.monotonic() - began > min(SILENT_S, timeout_s):
            break
        if time.monotonic() - printed > 5:  # noqa: PLR2004 - seconds between signs of life
            printed = time.monotonic()
            phase = f"{report.phase} {message}".strip() if report.phase and not has_failed else "starting"
            print_line(f"  {phase} … {printed - began:.0f} s")
            sys.stdout.flush()
        time.sleep(0.2)
    report = status.read(settings.status_path)
    is_alive = processes.is_alive(report.pid, report.began)
    if report.phase == "failed" and not is_alive:
        raise GatewayError(report.message, code="registry", hint=f"{report.fix or 'repair it'}, then: make run")
    if not is_alive:
        raise GatewayError(
            f"no process of it has its state in {settings.home}",
            hint="start it with `gateway serve`, or under PM2 with `make run` in the gateway's folder",
        )
    raise GatewayError("it took too long", hint="`gateway routes` shows what is served; the log says the rest")


def _health(client: Client) -> dict[str, Any] | None:
    """Return /health, None as long as it is not there; empty where it is ready and this caller may not see it."""
    try:
        answer: dict[str, Any] = client.get("/health")
    except GatewayError as error:
        if error.code not in ("unauthorised", "forbidden"):
            return None
        if client.key and error.code == "unauthorised":
            message = f"gateway cannot be asked with the key of GATEWAY_KEY_FILE: {error.message}"
            raise GatewayError(message, code=_UNASKED, hint=error.hint) from error
        return {} if client.fetch("GET", "/health/ready")[0] == _ANSWERED else None
    except ValueError:
        return None
    return answer


def _is_complete(health: dict[str, Any]) -> bool:
    """Return whether all expected workers serve the same generation."""
    serves = health["ready_workers"] >= health["expected_workers"] and health["same_generation"]
    return bool(serves and not health["pending"])


def _show_closed(client: Client) -> int:
    """Tell of a gateway that asks for a key, where there is none: the open part of it says that it is ready."""
    why = "this key may not see its routes" if client.key else "it asks for keys"
    print_line(f"gateway ready on {client.url}; {why}\n")
    print_line(f"open it:   {client.url}/")
    print_line("to see every route:  gateway key create ops --scope '*' --out ops.key")
    print_line("                     GATEWAY_KEY_FILE=ops.key gateway wait")
    return OK


def _show(client: Client, operators: Client, health: dict[str, Any]) -> int:
    print_line(f"gateway ready on {client.url}, generation {health['generation']}")
    if client.key:
        print_line("it asks for keys; these commands read yours from the variable:  export GATEWAY_KEY=$(cat KEY_FILE)")
    print_line("")
    routes = operators.get("/routes")["routes"]
    failing = [route for route in routes if route["state"] == "FAILED"]
    serving = [route for route in routes if route["state"] != "FAILED"]
    for route in failing:
        print_line(line(route["path"], health["routes"][route["path"]], 0).strip() + "\n")
    failed = len(failing)
    for route in serving[:MOST_SHOWN]:
        failed += _send_sample(client, route)
        for text in route.get("warnings", ()):
            print_line(f"  warning: {text}")
        print_line("")
    if len(serving) > MOST_SHOWN:
        print_line(
            f"{len(serving) - MOST_SHOWN} more routes are there, not asked here:  "
            f"{operators.curl} {operators.url}/routes\n"
        )
    refused = print_refusal(health)
    if client.has_pages:
        print_line(f"open it:   {client.url}/")
    print_line(f"watch it:  make monit    make status    make logs    {operators.curl} {operators.url}/metrics")
    if failed:
        print_note(f"\n{failed} of {len(health['routes'])} routes do not serve; the others do")
    return FAILED if failed or refused else OK


def _send_sample(client: Client, route: dict[str, Any]) -> int:
    """Print the curl command of a route and send its request; return 1 if the route does not serve, else 0."""
    call = SampleRequest(route["path"], route["name"], route["sample"])
    print_line(call.command(client.url, client.curl))
    target, kind = client.root_path + call.target, JSON_TYPE if call.body else ""
    try:
        status, body = client.fetch(call.method, target, call.body, kind)
    except GatewayError as error:
        print_line(f"  {error.message}")
        return 1
    print_line(f"  {_short(body.decode(errors='replace').strip())}")
    if status in _NOT_THE_ROUTE:
        print_line(f"  ({_NOT_THE_ROUTE[status]})")
        return 0
    return int(status != _ANSWERED)


def _short(text: str) -> str:
    """Return the text, cut if it would fill the terminal."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} … ({len(text):,} characters)"
