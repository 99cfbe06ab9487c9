"""No endpoint makes the server call something that only the server can reach."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from chat4all.adapters.http.guarded_post import GuardedPost
from chat4all.domain.errors import InvalidInput
from chat4all.domain.public_addresses import AllowedAddresses, is_public

ATTEMPTS = {
    "loopback": "https://127.0.0.1/",
    "elsewhere in loopback": "https://127.9.8.7/",
    "loopback by name": "https://localhost/",
    "loopback by name with a dot at the end": "https://localhost./",
    "loopback by a name below": "https://anything.localhost/",
    "this host": "https://0.0.0.0/",
    "this network": "https://0.1.2.3/",
    "private, class A": "https://10.0.0.5/",
    "private, class B": "https://172.16.0.1:8080/",
    "private, class C": "https://192.168.1.1/admin",
    "shared by carriers": "https://100.64.0.1/",
    "metadata of a cloud": "https://169.254.169.254/latest/meta-data/",
    "metadata of a container": "https://169.254.170.2/v2/credentials",
    "metadata by name": "https://metadata.google.internal/",
    "multicast": "https://224.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    "reserved": "https://240.0.0.1/",
    "protocol assignments": "https://192.0.0.8/",
    "documentation": "https://203.0.113.7/",
    "benchmarks": "https://198.18.0.1/",
    "IPv6 loopback": "https://[::1]/",
    "IPv6 unspecified": "https://[::]/",
    "IPv6 unique local": "https://[fd00::1]/",
    "IPv6 metadata": "https://[fd00:ec2::254]/",
    "IPv6 link-local": "https://[fe80::1]/",
    "IPv6 link-local with a zone": "https://[fe80::1%25eth0]/",
    "IPv6 site-local": "https://[fec0::1]/",
    "IPv6 multicast": "https://[ff02::1]/",
    "IPv4-mapped": "https://[::ffff:127.0.0.1]/",
    "IPv4-mapped in hexadecimal": "https://[::ffff:7f00:1]/",
    "IPv4-compatible": "https://[::127.0.0.1]/",
    "NAT64": "https://[64:ff9b::7f00:1]/",
    "NAT64 of one's own": "https://[64:ff9b:1::a00:1]/",
    "6to4": "https://[2002:7f00:1::]/",
    "Teredo": "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "octal in one number": "https://017700000001/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0x0.0x0.0x1/",
    "two parts": "https://127.1/",
    "three parts": "https://10.0.5/",
    "full-width digits": "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "an ideographic full stop": "https://127。0。0。1/",
    "a user that looks like a host": "https://example.com@127.0.0.1/",
    "a password": "https://user:secret@example.com/",
    "a backslash for the authority's end": "https://example.com\\@127.0.0.1/",
    "a fragment that looks like a host": "https://127.0.0.1#@example.com/",
    "a tab in the host": "https://127.0.0\t.1/",
    "a line in the host": "https://example.com/\r\nHost: inside",
    "no TLS": "http://public.example/",
    "another scheme": "file:///etc/passwd",
    "a scheme of old": "gopher://public.example/",
    "a scheme relative to nothing": "//public.example/",
    "no host": "https:///path",
    "an empty name": "https://./",
    "no port": "https://public.example:0/",
    "a port out of range": "https://public.example:70000/",
    "percent in the host": "https://127.0.0.1%2f.example/",
    "a name that points to loopback": "https://inside.example/",
    "a name that also points inside": "https://mixed.example/",
    "a name that points to a mapped address": "https://mapped.example/",
    "a name that points to a link-local address with a zone": "https://zone.example/",
    "a name that points nowhere": "https://nowhere.example/",
}
NAMES: dict[str, Sequence[str]] = {
    "public.example": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
    "localhost": ["::1", "127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "anything.localhost": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "inside.example": ["127.0.0.1"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "zone.example": ["fe80::1%2"],
}


async def names(host: str, port: int) -> Sequence[str]:
    """Answer as a server for names would; numbers are read as the system reads them."""
    if host in NAMES:
        return NAMES[host]
    found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
    return [str(address[0]) for *_, address in found]


def test_the_list_is_long_enough() -> None:
    assert len(ATTEMPTS) >= 40


@pytest.mark.parametrize("url", ATTEMPTS.values(), ids=ATTEMPTS.keys())
async def test_an_attempt_to_reach_inside_is_refused(url: str) -> None:
    async with GuardedPost(AllowedAddresses(), resolve=names) as post:
        with pytest.raises(InvalidInput, match="cannot be called"):
            await post.check(url)
        answer = await post(url, {}, b"{}")
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize("url", ["https://public.example/", "https://8.8.8.8:8443/a?b=c"])
async def test_a_public_address_may_be_called(url: str) -> None:
    async with GuardedPost(AllowedAddresses(), resolve=names) as post:
        await post.check(url)


async def test_a_named_network_may_be_called_and_without_tls() -> None:
    mine = AllowedAddresses([ip_network("10.0.0.0/8")])
    async with GuardedPost(mine, resolve=names) as post:
        await post.check("http://10.1.2.3:8080/")
        for url in ("http://public.example/", "http://192.168.0.1/"):
            with pytest.raises(InvalidInput):
                await post.check(url)


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4.5", "::1%lo", "127.0.0.1 "])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)
