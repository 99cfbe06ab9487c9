"""How an API key is told what is left to it.

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10
"""

from __future__ import annotations

import math

from chat4all.domain.api_keys import Quota

QUOTA = "chat4all.quota"
"""Where the scope of a request holds the `Quota`."""


def quota_headers(quota: Quota | None) -> dict[str, str]:
    """Return the fields that tell it; none for who has no quota."""
    if quota is None:
        return {}
    return {
        "RateLimit-Policy": f'"key";q={quota.per_minute};w=60',
        "RateLimit": f'"key";r={quota.left};t={math.ceil(quota.full_in)}',
    }
