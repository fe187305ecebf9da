"""Nobody makes the service reach what is not public."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.service.problems import Problem
from detector.service.webhooks.guard import check_url, find_target, is_public, resolve

INSIDE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "192.0.1.1", "223.255.255.254", "2606:4700::1111", "64:ff9b::808:808"]


def table(**names: Sequence[str]) -> object:
    def look_up(host: str, port: int) -> Sequence[str]:
        assert 0 < port < 65536
        if host not in names:
            raise OSError("no such name")
        return names[host]

    return look_up


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_makes_it_no_more_public(address: IPv4Address) -> None:
    number = int(address)
    assert is_public(str(IPv6Address((0x64FF9B << 96) | number))) == is_public(str(address))
    for wrapped in (0xFFFF << 32 | number, number, 0x2002 << 112 | number << 80):
        assert not is_public(str(IPv6Address(wrapped)))


@given(st.ip_addresses())
def test_what_python_knows_as_special_is_never_public(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)) and address not in ip_network("64:ff9b::/96"):
        assert address.is_global
        special = (address.is_multicast, address.is_loopback, address.is_link_local, address.is_reserved)
        assert not any(special)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0.0.0.0", "169.254.169.254", "[::1]", "[::]", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]"),
        *("2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "0", "localhost", "localhost."),
        *("LOCALHOST", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "3232235777", "127。0。0。1"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_spelling_of_an_address_inside_is_refused(scheme: str, host: str) -> None:
    with pytest.raises(Problem) as caught:
        check_url(f"{scheme}://{host}/hook", allow_private=False)
    assert (caught.value.slug, caught.value.field) == ("invalid", "webhook")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://out/", "expected http:// or https://, got ftp"),
        ("file:///etc/passwd", "expected http:// or https://, got file"),
        ("gopher://out/", "http"),
        ("//out/hook", "http"),
        ("out/hook", "http"),
        ("", "http"),
        ("http:///hook", "expected a host, and"),
        ("http://user:pass@out/", "no user or password"),
        ("http://user@out/", "no user or password"),
        ("http://out:0/", "port from 1 to 65535"),
        ("http://1.1.1.1\\@out/", "no user or password"),
        ("http://out:99999/", "port from 1 to 65535"),
        ("http://out:22/", "expected port 80, 443, or 1024 and above, got 22"),
        ("http://out:25/", "expected port"),
        ("http://o ut/", "expected a host that can be found"),
        ("http://[fe80::1%25eth0]/", "expected a host that can be found"),
        ("http://out\r\nHost: in/", "expected a URL"),
        ("http://[::1", "expected a URL"),
        ("http://out/" + "a" * 3000, "too long"),
        ("http://nowhere/", "expected a host that can be found"),
        ("http://" + "a" * 64 + ".out/", "expected a host that can be found"),
    ],
)
def test_what_is_no_web_address_is_refused(url: str, says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        check_url(url, False, table(out=["8.8.8.8"]))
    assert caught.value.field == "webhook"
    assert "pass" not in str(caught.value).replace("password", "")


def test_a_label_that_no_name_can_have_is_refused_by_the_system_too() -> None:
    with pytest.raises(Problem, match="can be found"):
        check_url("http://" + "a" * 64 + ".example/", allow_private=True)


@pytest.mark.parametrize(
    "url", ["http://out", "https://out/a?b=c", "http://out:80/", "https://out:8443/", "http://out:1024"]
)
def test_a_public_host_is_taken(url: str) -> None:
    check_url(url, False, table(out=["8.8.8.8", "2606:4700::1111"]))


@pytest.mark.parametrize("inside", ["10.0.0.1", "::1", "169.254.169.254"])
@pytest.mark.parametrize("first", [True, False])
def test_one_address_inside_among_many_is_enough(inside: str, first: bool) -> None:
    addresses = [inside, "8.8.8.8"] if first else ["8.8.8.8", inside]
    with pytest.raises(Problem, match="public addresses only, got out"):
        check_url("http://out/", False, table(out=addresses))


def test_a_refusal_does_not_tell_which_names_exist_inside() -> None:
    says = set()
    for names in ({}, {"secret": ["10.0.0.1"]}, {"secret": ["127.0.0.1", "8.8.8.8"]}):
        with pytest.raises(Problem) as caught:
            check_url("http://secret/", False, table(**names))
        says.add(str(caught.value))
    assert len(says) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://127.0.0.1:25/"]
)
def test_where_private_ones_are_allowed_they_are_taken(url: str) -> None:
    check_url(url, allow_private=True)


def test_private_allows_addresses_not_other_schemes() -> None:
    with pytest.raises(Problem, match="http"):
        check_url("file:///etc/passwd", allow_private=True)


def test_the_addresses_that_were_checked_are_kept() -> None:
    target = find_target("https://out/", False, table(out=["8.8.8.8", "1.1.1.1"]))
    assert target.addresses == ("8.8.8.8", "1.1.1.1")


def test_the_system_gives_each_address_once() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert {ip_address(address).is_loopback for address in resolve("localhost", 80)} == {True}
