"""
Tell a caller its limits and what is left of them: RateLimit-Policy and RateLimit.

As the draft of the IETF writes them (draft-ietf-httpapi-ratelimit-headers): one member for each limit.
"""

from gateway.security.limits import CallerLimits
from gateway.security.meter import Usage
from gateway.security.quota import DAY_S


def headers_of(usage: Usage) -> list[tuple[str, str]]:
    """Return the headers: every limit of the caller, and what is left of those that were charged."""
    left = ", ".join([f'"{use.limit}";r={use.left};t={use.reset_s}' for use in usage.uses])
    policy = ("RateLimit-Policy", policy_of(usage.limits))
    return [policy, ("RateLimit", left)] if left else [policy]


def policy_of(limits: CallerLimits) -> str:
    """Return the limits: so many (q) in so many seconds (w), and where it differs, so many at once (burst)."""
    members = []
    if limits.requests is not None:
        burst = f";burst={limits.burst}" if limits.burst and limits.burst != limits.requests.count else ""
        members.append(f'"requests";q={limits.requests.count};w={limits.requests.seconds}{burst}')
    if limits.rows is not None:
        members.append(f'"rows";q={limits.rows.count};w={limits.rows.seconds}')
    if limits.daily is not None:
        members.append(f'"daily";q={limits.daily};w={DAY_S}')
    return ", ".join(members)
