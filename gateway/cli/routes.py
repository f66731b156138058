"""`gateway routes`: list the routes of the running gateway with their states."""

from typing import Any

import click

from gateway.cli.client import Client
from gateway.cli.command import FAILED, OK, Command, print_line, print_note
from gateway.settings.settings import Settings


@click.command("routes", cls=Command)
def routes(settings: Settings) -> int:
    """Ask the running gateway for its routes. Exit code 1 when one of them does not serve."""
    health = Client.of_operators(settings).get("/health")
    print_line(
        f"{health['status']}: generation {health['generation']}, {health['ready_workers']} of "
        f"{health['expected_workers']} workers ready"
    )
    width = max((len(path) for path in health["routes"]), default=0)
    for path, route in health["routes"].items():
        print_line(line(path, route, width))
    refused = print_refusal(health)
    return FAILED if refused or any(route["state"] == "FAILED" for route in health["routes"].values()) else OK


def print_refusal(health: dict[str, Any]) -> int:
    """
    Print to standard error which part of registry.yaml is not served, and why; return 1 if there is such a part, else
    0.
    """
    reload = health["reload"]
    earlier = reload.get("serving_an_earlier_version", [])
    if reload.get("result") != "refused" and not earlier:
        return 0
    what = f"an earlier version serves for {', '.join(earlier)}" if earlier else "registry.yaml is not served"
    print_note(f"{what}; the committed generation {health['committed']} is:")
    for text in str(reload.get("reason", "")).splitlines():
        print_note(f"    {text}")
    return 1


def line(path: str, route: dict[str, Any], width: int) -> str:
    """Return one route as text: state, requests, latency; reason and fix if it failed."""
    if route["state"] == "FAILED":
        fix = f"\n    fix: {route['fix']}" if route.get("fix") else ""
        return f"  {path:{width}}  FAILED  {route.get('reason', '')}  [{route.get('code', '')}]{fix}"
    p50, p95 = route.get("p50_ms"), route.get("p95_ms")
    speed = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms" if p50 is not None and p95 is not None else "no traffic lately"
    warnings = "".join(f"\n    warning: {text}" for text in route.get("warnings", ()))
    return f"  {path:{width}}  {route['state']:7} {route.get('requests', 0)} requests, {speed}{warnings}"
