"""What a file is, told by its first bytes and never by its name."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import Literal

from detector.errors import MediaError

Kind = Literal["image", "video"]
HEAD = 64
"""So many bytes tell every format."""


@dataclass(frozen=True)
class Format:
    """One format of file.

    Attributes:
        name: what people call it.
        kind: what it holds. A GIF, PNG or WebP of several pictures is treated as a video later on.
        decoder: the one Pillow plugin or libav demuxer that may open it; nothing else is tried, so that a file cannot
            choose a decoder (a playlist that makes libav open other files, say).
        suffixes: extensions that such files have.
    """

    name: str
    kind: Kind
    decoder: str
    suffixes: tuple[str, ...]


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("JPEG", "image", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
        Format("PNG", "image", "PNG", (".png", ".apng")),
        Format("WebP", "image", "WEBP", (".webp",)),
        Format("BMP", "image", "BMP", (".bmp", ".dib")),
        Format("TIFF", "image", "TIFF", (".tif", ".tiff")),
        Format("GIF", "image", "GIF", (".gif",)),
        Format("MP4/MOV", "video", "mov", (".mp4", ".m4v", ".m4a", ".mov", ".qt", ".3gp", ".3g2")),
        Format("Matroska/WebM", "video", "matroska", (".mkv", ".webm", ".mka", ".mk3d")),
        Format("AVI", "video", "avi", (".avi", ".divx")),
    )
}
SUFFIXES = {suffix: f.name for f in FORMATS.values() for suffix in f.suffixes}

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\x1aE\xdf\xa3": "Matroska/WebM",
}
_RIFF = {b"WEBP": "WebP", b"AVI ": "AVI"}
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""What the first box of an MP4 or MOV may be."""
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")


def tell_format(head: bytes) -> Format:
    """The format of a file that starts with `head` (`HEAD` bytes, fewer for a shorter file).

    Raises:
        MediaError: unsupported.
    """
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise MediaError("unsupported", "HEIC and AVIF pictures are not read; save the picture as JPEG or PNG")
    name = next((name for start, name in _STARTS.items() if head.startswith(start)), None)
    if head.startswith(b"RIFF"):
        name = _RIFF.get(head[8:12])
    elif head[4:8] in _BOXES:
        name = "MP4/MOV"
    if name is None:
        raise MediaError("unsupported", f"expected one of {', '.join(FORMATS)}; the file starts with {head[:12]!r}")
    return FORMATS[name]


def mislabelled(suffix: str, found: Format) -> str | None:
    """A warning when a file's extension says something else than its content; None when it does not."""
    said = SUFFIXES.get(suffix) or mimetypes.guess_type(f"file{suffix}")[0]
    if said in (None, found.name, "application/octet-stream"):
        return None
    return f"mislabelled: the name ends in {suffix}, the content is {found.name}"
