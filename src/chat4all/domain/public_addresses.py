"""Which addresses of the network a server may call on somebody's behalf.

Whoever names an address to be called could name one that only this server can reach: itself,
its neighbours, or the metadata of its cloud.
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urlsplit

from chat4all.domain.errors import InvalidInput

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name, for a port. Raises `OSError` when it has none."""

MAX_URL = 2_000
"""Characters of an address."""

# Python's `is_global` knows the registries, in a version of its own; these are ours to refuse
# whatever it thinks: each holds an IPv4 address, or reaches more than one host.
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of one's own
        "100::/64",  # discarded
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, of old
    )
)

_HOST = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*\.?\Z")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")
"""The last part of what a URL takes for an IPv4 address, however odd.

https://url.spec.whatwg.org/#ends-in-a-number-checker
"""


@dataclass(frozen=True, slots=True)
class AllowedAddresses:
    """Public addresses, and those of `networks`, which an operator trusts."""

    networks: Sequence[Network] = ()

    def named(self, address: str) -> bool:
        """Say whether an address is in a network that was named."""
        parsed = _parsed(address)
        return parsed is not None and any(parsed in one for one in self.networks)

    def allows(self, address: str) -> bool:
        """Say whether an address may be called."""
        return self.named(address) or is_public(address)


def is_public(address: str) -> bool:
    """Say whether an address is one host of the public network, and nothing else."""
    parsed = _parsed(address)
    return (
        parsed is not None
        and parsed.is_global
        and not parsed.is_multicast
        and not parsed.is_reserved
        and not any(parsed in one for one in _REFUSED)
    )


def networks_of(text: str) -> list[Network]:
    """Read networks separated by commas. Raises `ValueError`."""
    return [ip_network(one.strip()) for one in text.split(",") if one.strip()]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points; `host` is a name in lower case or an address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def is_address(self) -> bool:
        """Say whether no name has to be looked up."""
        return _parsed(self.host) is not None


def target_of(url: str) -> Target:
    """Return where `url` points.

    Raises `InvalidInput` for anything that two readers could take for different places:
    other schemes, credentials, fragments, characters outside of ASCII, odd numbers.
    """
    if (
        len(url) > MAX_URL
        or not url.isascii()
        or not url.isprintable()
        or set(url) & set(' \\"<>^`{|}')
    ):
        raise _refused("write it in ASCII, without blanks or backslashes, up to 2,000 characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused("it cannot be read") from error
    if parts.scheme not in {"https", "http"}:
        raise _refused("it begins with https://")
    if "@" in parts.netloc:
        raise _refused("leave out user and password; events are signed")
    if "#" in url:
        raise _refused("leave out the fragment")
    if port == 0:
        raise _refused("there is no port 0")
    return Target(parts.scheme, _host(parts), port or (443 if parts.scheme == "https" else 80))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if parts.netloc.startswith("["):
        if "%" in host or not isinstance(_parsed(host), IPv6Address):
            raise _refused("its host is no IPv6 address")
        return host
    if not _HOST.match(host) or len(host) > 253:  # noqa: PLR2004 - RFC 1035
        raise _refused("its host is no name")
    last = host.removesuffix(".").rpartition(".")[2]
    if _NUMBER.match(last) and _parsed(host) is None:
        raise _refused("its host is no address in the usual form of four numbers")
    return host


def require_allowed(
    host: str, addresses: Iterable[str], allows: Callable[[str], bool]
) -> list[str]:
    """Return the addresses of `host`. Raises `InvalidInput` unless all of them may be called.

    One that is forbidden among good ones is no accident.
    """
    found = list(dict.fromkeys(addresses))
    if not found or not all(map(allows, found)):
        raise unreachable(host)
    return found


def unreachable(host: str) -> InvalidInput:
    """Return the refusal of a host: the same for one that is inside and one that is nowhere.

    So nobody learns by it which names there are inside.
    """
    return _refused(f"{host} has no address that may be called from here")


def _parsed(address: str) -> Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"this address cannot be called: {why}", [("/url", why)])
