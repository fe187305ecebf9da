"""Requests made to hurt: each with the answers that it may be given."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Literal

from PIL import Image

from tests.service.uploads import FORM, GONE, ROUTES, TAKEN, Attack, Piece, chunk, form, head, part, post


def _encoded(encoding: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (120, 130, 110)).save(stream, encoding, **options)
    return stream.getvalue()


JPEG = _encoded("JPEG")
FILE = part("file", JPEG, "a.jpg")


# Forms: (body, the status that refuses it; None where the file in it is taken).
FORMS: dict[str, tuple[bytes, int | None]] = {
    "a form without its last boundary": (FILE, 400),
    "a form cut in a file": (FILE[:-20], 400),
    "a form cut in a part's head": (FILE[:30], 400),
    "a form cut in its first boundary": (b"--", 400),
    "a form of nothing": (b"", 400),
    "a form of its end alone": (form(), 422),
    "a form with another boundary": (form(FILE).replace(b"--B", b"--C"), 400),
    "a form with line feeds alone": (form(FILE).replace(b"\r\n", b"\n"), 400),
    "a form behind a megabyte of something else": (bytes(1 << 20) + form(FILE), 400),
    "a form before a megabyte of something else": (form(FILE) + bytes(1 << 20), None),
    "a form without a file": (form(part("webhook", b"https://example.org/hook")), 422),
    "a form with another name for the file": (form(part("image", JPEG, "a.jpg")), 422),
    "a form with a field beside the file": (form(FILE, part("path", b"/etc/passwd")), 422),
    "a form with a name that is not UTF-8": (form(part(b"fil\xff\xfe", JPEG, "a.jpg")), 422),
    "a form with a part without a name": (form(b"--B\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"), 422),
    "a form with a part without a head": (form(b"--B\r\n\r\n" + JPEG + b"\r\n"), 422),
    "a form with 10 000 fields": (form(*(part(f"field{n}", b"1") for n in range(10_000))), 422),
    "a form with 10 000 files": (form(*(part("file", b"1", f"{n}.jpg") for n in range(10_000))), 413),
    "a form with an empty file": (form(part("file", b"", "a.jpg")), 422),
    "a form with an empty file before a good one": (form(part("file", b"", "a.jpg"), FILE), 422),
    "a form with the webhook twice": (form(FILE, *2 * [part("webhook", b"https://example.org/hook")]), 422),
    "a form with a webhook of a megabyte": (form(FILE, part("webhook", b"h" * (1 << 20))), 413),
    "a form with a webhook inside": (form(FILE, part("webhook", b"http://127.0.0.1:22/")), 422),
    "a form with a webhook in a cloud": (form(FILE, part("webhook", b"http://169.254.169.254/latest/")), 422),
    "a form with a webhook that is a file": (form(FILE, part("webhook", b"file:///etc/passwd")), 422),
    "a form with a webhook that is not UTF-8": (form(FILE, part("webhook", b"http://\xff\xfe/")), 422),
    "a form with a part's head of 4 MiB": (form(part("file", JPEG, "a.jpg", b"X-A: " + b"a" * (4 << 20))), 400),
    "a form with 1000 headers in a part": (form(part("file", JPEG, "a.jpg", *1000 * [b"X-A: a"])), 400),
    "a form in base64": (form(part("file", JPEG, "a.jpg", b"Content-Transfer-Encoding: base64")), None),
    "a form in a form": (form(part("file", form(FILE).replace(b"--B", b"--C"), "a.jpg")), None),
    "a form whose file has no name": (form(part("file", JPEG)), None),
}
NAMES: dict[str, bytes] = {
    "that climbs": b"../../../../../../etc/cron.d/owned",
    "that climbs backwards": rb"..\..\..\windows\system32\owned.dll",
    "that climbs in code": b"%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "that begins at the root": b"/etc/passwd",
    "of a device": rb"C:\CON",
    "that is where it is": b".",
    "that is above": b"..",
    "with a zero": b"a.jpg\0.sh",
    "with an escape": b"\x1b[2J\x1b]0;owned\x07a.jpg",
    "that turns around": "\u202egpj.exe".encode(),
    "that is not UTF-8": b"\xff\xfe\xc3(.jpg",
    "of a page": b"<script>alert(1)</script>.jpg",
    "of a query": b"a'; DROP TABLE items; --.jpg",
    "of a template": b"{{7*7}}${7*7}%s%n.jpg",
    "of 4000 characters": b"a" * 4000,
    "of nothing": b"",
}
KINDS = {
    "none": "",
    "a page": "text/html",
    "JSON": "application/json",
    "a form in a URL": "application/x-www-form-urlencoded",
    "another form": "multipart/mixed; boundary=B",
    "no type": "/",
    "two types": "text/html, image/jpeg",
}
BOUNDARIES = {
    "no boundary": "multipart/form-data",
    "an empty boundary": "multipart/form-data; boundary=",
    "a boundary of 1000 characters": f"multipart/form-data; boundary={'B' * 1000}",
    "an open quote": 'multipart/form-data; boundary="B',
}


def _archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as files:
        files.writestr("owned.sh", "rm -rf /")
    return stream.getvalue()


def _png_with(name: bytes, content: bytes) -> bytes:
    """A PNG with one more block, behind its head."""
    block = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    whole = _encoded("PNG")
    return whole[:33] + block + whole[33:]


def polyglots() -> dict[str, bytes]:
    """Files that are two things, and files that become more than they are."""
    page = b"<html><script>alert(document.domain)</script></html>"
    zeros = zlib.compress(bytes(256 << 20), 9)
    pictures = [Image.new("P", (64, 48), n % 256) for n in range(2000)]
    return {
        "a GIF that is a ZIP": _encoded("GIF") + _archive(),
        "a JPEG that is a page": JPEG[:2] + b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page + JPEG[2:],
        "a GIF that is a script": b"GIF89a/*" + _encoded("GIF")[8:] + b"*/=1;alert(1)",
        "a BMP that is a page": _encoded("BMP") + page,
        "a PDF that is a JPEG": b"%PDF-1.7\n" + JPEG,
        "a page that is a JPEG": page + JPEG,
        "a program that is a PNG": b"\x7fELF" + _encoded("PNG"),
        "a MP4 that is a JPEG": b"\x00\x00\x00\x18ftypisom" + bytes(12) + JPEG,
        "a text of 256 MiB in a PNG": _png_with(b"zTXt", b"text\0\0" + zeros),
        "a profile of 256 MiB in a PNG": _png_with(b"iCCP", b"profile\0\0" + zeros),
        "a GIF of 2000 pictures": _encoded("GIF", save_all=True, append_images=pictures),
    }


def _endless() -> Iterator[bytes]:
    yield head("/v1/jobs", "Transfer-Encoding: chunked", "Content-Type: image/jpeg")
    yield chunk(JPEG)
    yield from repeat(chunk(bytes(1 << 16)))


def _dripping(start: bytes) -> Iterator[Piece]:
    yield start
    for byte in repeat(b"a"):
        yield byte
        yield 1.0


def _sized(length: str) -> bytes:
    return head("/v1/score", f"Content-Length: {length}", "Content-Type: image/jpeg") + JPEG


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = chunk(JPEG) + b"0\r\n\r\n"


def _both(length: int | str, coding: str, body: bytes) -> bytes:
    """A body with two lengths."""
    about = (f"Content-Length: {length}", coding, "Content-Type: image/jpeg")
    return head("/v1/score", *about) + body + SMUGGLED


def _coded(coding: str, body: bytes = CHUNKED) -> bytes:
    return head("/v1/score", coding, "Content-Type: image/jpeg") + body


# What no client of ours would write: (what is written, the statuses that may answer it).
LINES: dict[str, tuple[bytes, set[int]]] = {
    "a length that is negative": (_sized("-1"), {400}),
    "a length in words": (_sized("many"), {400}),
    "a length with a sign": (_sized(f"+{len(JPEG)}"), {400}),
    "a length with an underscore": (_sized("1_0"), {400}),
    "a length in hexadecimal": (_sized("0x10"), {400}),
    "a length of 20 digits": (_sized("9" * 20), {413}),
    "a length of 5000 digits": (_sized("9" * 5000), {400}),
    "an empty length": (_sized(""), {400}),
    "two lengths in one": (_sized("5, 6"), {400}),
    "two lengths": (_sized("5\r\nContent-Length: 6"), {400}),
    "a length of 1 TB": (_sized(str(10**12)), {413}),
    "CL.TE": (_both(len(JPEG), "Transfer-Encoding: chunked", b"0\r\n\r\n"), {400, 422}),
    "TE.CL": (_both(4, "Transfer-Encoding: chunked", CHUNKED), {200, 400}),
    "TE.TE with a space": (_both(4, "Transfer-Encoding : chunked", CHUNKED), {400}),
    "TE.TE with another": (_both(4, "Transfer-Encoding: xchunked", CHUNKED), {400, 501}),
    "TE.TE twice": (_both(4, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKED), {400, 501}),
    "TE.TE folded": (_both(4, "Transfer-Encoding:\r\n chunked", CHUNKED), {200, 400}),
    "TE.TE with a tab": (_both(4, "Transfer-Encoding:\tchunked", CHUNKED), {200, 400}),
    "TE.TE in a line of its own": (_both(4, "X: y\nTransfer-Encoding: chunked", CHUNKED), {200, 400}),
    "a coding that is not known": (_coded("Transfer-Encoding: gzip"), {400, 501}),
    "a coding behind a coding": (_coded("Transfer-Encoding: gzip, chunked"), {400, 501}),
    "a chunk of a negative size": (_coded("Transfer-Encoding: chunked", b"-5\r\nhello\r\n0\r\n\r\n"), {400}),
    "a chunk of a size in words": (_coded("Transfer-Encoding: chunked", b"five\r\nhello\r\n0\r\n\r\n"), {400}),
    "a chunk of 2 to the 64": (_coded("Transfer-Encoding: chunked", b"1" + b"0" * 16 + b"\r\n" + JPEG), {400, 408}),
    "a chunk of a size of 1 MB": (_coded("Transfer-Encoding: chunked", b"1" * (1 << 20)), {400}),
    "a chunk longer than it says": (_coded("Transfer-Encoding: chunked", b"2\r\nhello\r\n0\r\n\r\n"), {400}),
    "a chunk with an endless extension": (_coded("Transfer-Encoding: chunked", b"5;" + b"a" * (1 << 20)), {400}),
    "a trailer of 1 MB": (_coded("Transfer-Encoding: chunked", chunk(JPEG) + b"0\r\nX: " + b"a" * (1 << 20)), {400}),
    "a header of 1 MB": (head("/v1/score", "X-A: " + "a" * (1 << 20)), {400}),
    "100 000 headers": (head("/v1/score", *100_000 * ["X-A: a"]), {400}),
    "an address of 1 MB": (head("/" + "a" * (1 << 20)), {400}),
    "a header with a zero": (head("/v1/score", b"X-A: a\0b"), {400}),
    "a header that is not UTF-8": (post("/v1/score", JPEG, "image/jpeg").replace(b"image/", b"\xff\xfe/"), {400, 415}),
    "a header without a name": (head("/v1/score", ": a"), {400}),
    "a header without a colon": (head("/v1/score", "nothing"), {400}),
    "no host": (b"POST /v1/score HTTP/1.1\r\nContent-Length: 0\r\n\r\n", {400}),
    "two hosts": (head("/v1/score", "Host: example.org", "Content-Length: 0"), {400}),
    "another host": (post("/v1/score", JPEG, "image/jpeg").replace(b"127.0.0.1", b"example.org"), {403}),
    "another origin": (post("/v1/score", JPEG, "image/jpeg", "Origin: http://example.org"), {403}),
    "a method that is none": (head("/v1/score", method="OWN"), {405}),
    "a method of 1 MB": (head("/v1/score", method="O" * (1 << 20)), {400}),
    "a version to come": (b"POST /v1/score HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", {400, 415, 505}),
    "no version": (b"POST /v1/score\r\n\r\n", {400}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", {400, 404, 505}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506), {400}),
    "noise": (zlib.compress(bytes(range(256)) * 9) * 40 + b"\r\n\r\n", {400}),
    "a socket that is wanted": (
        head("/v1/score", "Upgrade: websocket", "Connection: Upgrade", "Content-Length: 0"),
        {415},
    ),
    "a key that cannot be": (post("/v1/jobs", JPEG, "image/jpeg", "Idempotency-Key: a b"), {422}),
    "a key of 5000 characters": (post("/v1/jobs", JPEG, "image/jpeg", f"Idempotency-Key: {'a' * 5000}"), {422}),
    "a deadline before now": (post("/v1/score", JPEG, "image/jpeg", "X-Deadline-Ms: -1"), {422}),
    "a body that is packed": (post("/v1/score", zlib.compress(JPEG), "image/jpeg", "Content-Encoding: gzip"), {200}),
    "a path that climbs": (head("/v1/jobs/../../../etc/passwd", method="GET"), {404}),
    "a page that climbs": (head("/review/static/..%2f..%2f..%2fsettings.py", method="GET"), {404}),
}


def attacks() -> dict[str, Attack]:
    """All of them."""
    whole = post("/v1/jobs", form(FILE))
    found = {name: _written(content, allowed) for name, (content, allowed) in LINES.items()}
    for route in ROUTES:
        for name, (body, status) in FORMS.items():
            found[f"{name}: {route}"] = _written(post(route, body), {status or TAKEN[route]})
        for name, kind in BOUNDARIES.items():
            found[f"a form with {name}: {route}"] = _written(post(route, form(FILE), kind), {400, TAKEN[route]})
        for name, kind in KINDS.items():
            found[f"a body that is said to be {name}: {route}"] = _written(post(route, JPEG, kind), {415})
        for name, content in polyglots().items():
            found[f"{name}: {route}"] = _written(post(route, content, "image/jpeg"), {TAKEN[route], 415})
    found |= {
        f"a name {name}": _written(post("/v1/jobs", form(part("file", JPEG, given))), {202})
        for name, given in NAMES.items()
    }
    for place in (len(whole) - 1, len(whole) // 2, whole.index(b"filename"), whole.index(b"--B"), 60, 1):
        found[f"a line that breaks behind {place} bytes"] = _written(whole[:place], {GONE}, "break")
        found[f"a line that is closed behind {place} bytes"] = _written(whole[:place], {GONE, 400}, "close")
        if place > whole.index(b"--B"):
            found[f"a line that falls silent behind {place} bytes"] = _written(whole[:place], {408})
    found["a line that says nothing"] = _written(b"", {GONE})
    found["a head without an end"] = _written(whole[:60], {GONE})
    found["a byte a second of a head"] = Attack(partial(_dripping, whole[:60]), frozenset({GONE}))
    found["a body without an end"] = Attack(_endless, frozenset({413}))
    for route in ROUTES:
        start = head(route, "Content-Length: 1000000", "Content-Type: image/jpeg") + JPEG
        found[f"a byte a second: {route}"] = Attack(partial(_dripping, start), frozenset({408}))
        start = head(route, "Transfer-Encoding: chunked", "Content-Type: image/jpeg") + b"fffff\r\n"
        found[f"a byte a second of a chunk: {route}"] = Attack(partial(_dripping, start), frozenset({408}))
        start = head(route, "Content-Length: 1000000", f"Content-Type: {FORM}") + FILE[:40]
        found[f"a byte a second of a form: {route}"] = Attack(partial(_dripping, start), frozenset({408}))
    return found


def _written(content: bytes, allowed: Iterable[int], then: Literal["wait", "close", "break"] = "wait") -> Attack:
    return Attack(lambda: [content], frozenset(allowed), then)
