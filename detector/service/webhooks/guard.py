"""Which addresses may be told: those on the public Internet, unless the settings say otherwise.

A client names the address, and this service sends to it from inside: without a guard anybody with a key could reach
what only this machine can reach (server-side request forgery, CWE-918). A name is looked up once; every address that it
has must be public; and the connection goes to an address that was checked, so that a name which changes its answer
between the check and the connection (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

import httpx

from detector.service.problems import Problem

MOST_CHARACTERS = 2048
PORTS = range(1, 65536)
Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) -> its IP addresses; OSError where there are none."""

IPV4_ELSEWHERE = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192 too. Older Pythons call some global.
        "192.88.99.0/24",  # relays to 6to4, withdrawn
        "224.0.0.0/4",  # multicast, which ipaddress calls global
        "168.63.129.16/32",  # the host of an Azure machine: a public number, reached from inside only
    )
)
IPV6_PUBLIC = IPv6Network("2000::/3")
"""Everything that has been given out: loopback, link-local, private, mapped and multicast lie outside."""
IPV6_ELSEWHERE = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address of any kind inside
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
"""Where a network without IPv4 reaches IPv4: the last 32 bits are the address (RFC 6052)."""


@dataclass(frozen=True)
class Target:
    """Where a message may go.

    Attributes:
        url: as the client gave it.
        addresses: all IP addresses of its host; each may be told.
    """

    url: httpx.URL
    addresses: tuple[str, ...]


def resolve(host: str, port: int) -> list[str]:
    """What the system says, in its order; it reads ``127.1`` and ``0x7f000001`` as addresses as well."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def check_url(url: str, allow_private: bool, resolve: Resolve = resolve) -> None:
    """Refuse a webhook that may not be told; it looks the name up, so call it where waiting does no harm.

    Raises:
        Problem: ``invalid``, with the field ``webhook``.
    """
    find_target(url, allow_private, resolve)


def find_target(url: str, allow_private: bool, resolve: Resolve = resolve) -> Target:
    """As `check_url`, with the addresses that were checked."""
    parsed = _parse(url)
    port = parsed.port or {"http": 80, "https": 443}[parsed.scheme]
    if not allow_private and port < 1024 and port not in (80, 443):
        # A POST is half a mail to a mail server.
        raise _refused("expected port 80, 443, or 1024 and above", port)
    addresses = _look_up(parsed.raw_host.decode("ascii"), port, resolve)
    if not addresses or not (allow_private or all(map(is_public, addresses))):
        # The same words for both: who asks must not learn which names exist inside.
        raise _refused("expected a host that can be found and that has public addresses only", parsed.host)
    return Target(parsed, addresses)


def is_public(address: str) -> bool:
    """Whether an IP address is reached over the Internet alone, by the registries of IANA."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in network for network in IPV4_ELSEWHERE)
    if ip in NAT64:
        return is_public(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip in IPV6_PUBLIC and not any(ip in network for network in IPV6_ELSEWHERE)


def _parse(url: str) -> httpx.URL:
    if len(url) > MOST_CHARACTERS:
        raise Problem("invalid", "the address is too long", field="webhook", limit=MOST_CHARACTERS, value=len(url))
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise _refused(f"expected a URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise _refused("expected http:// or https://", parsed.scheme)
    if parsed.userinfo:
        raise _refused("expected no user or password in the address; every message is signed instead")
    if not parsed.host or not (parsed.port is None or parsed.port in PORTS):
        raise _refused("expected a host, and a port from 1 to 65535 if any", parsed.netloc.decode("ascii"))
    return parsed


def _look_up(host: str, port: int, resolve: Resolve) -> tuple[str, ...]:
    try:
        return tuple(resolve(host, port))
    except (OSError, UnicodeError):  # UnicodeError: a label of more than 63 characters
        return ()


def _refused(detail: str, value: str | float | None = None) -> Problem:
    came = "" if value is None else f", got {value}"
    return Problem("invalid", f"webhook: {detail}{came}", field="webhook", value=value)
