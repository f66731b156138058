"""
Tell a caller its limits and what is left of them: RateLimit-Policy and RateLimit.

As the draft of the IETF writes them (draft-ietf-httpapi-ratelimit-headers): one member for each limit.
"""

from gateway.security.meter import Usage


def headers_of(usage: Usage) -> list[tuple[str, str]]:
    """Return the headers: every limit of the caller, and what is left of those that were charged."""
    left = ", ".join([f'"{use.limit}";r={use.left};t={use.reset_s}' for use in usage.uses])
    policy = ("RateLimit-Policy", usage.limits.policy)
    return [policy, ("RateLimit", left)] if left else [policy]
