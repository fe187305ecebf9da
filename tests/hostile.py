"""Files made to hurt: each with the reason code that it must be given. Nothing of them is kept in the repository."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageFilter
from skimage import data

from detector.types import Pixels
from tests.clips import number_card, write_clip, write_sound

HUGE = 50_000
GREY = Image.new("RGB", (320, 240), (120, 130, 110))


def _astronaut() -> Image.Image:
    return Image.fromarray(np.asarray(data.astronaut(), np.uint8))


def _encoded(picture: Image.Image, encoding: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, encoding)
    return stream.getvalue()


def _noise(side: int = 256) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def png(width: int, height: int, rows: int) -> bytes:
    """A PNG that declares width x height and holds `rows` black rows."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes((1 + 3 * width) * rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _patched(content: bytes, at: int, patch: bytes) -> bytes:
    return content[:at] + patch + content[at + len(patch) :]


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("This is no picture.\n" * 50)


def _web_page(path: Path) -> None:
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>')


def _playlist(path: Path) -> None:
    """libav would open what a playlist names."""
    path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")


def _cut_jpeg(path: Path) -> None:
    content = _encoded(_astronaut(), "JPEG")
    path.write_bytes(content[: len(content) // 2])


def _cut_png(path: Path) -> None:
    content = _encoded(_astronaut(), "PNG")
    path.write_bytes(content[: len(content) // 2])


def _jpeg_magic(path: Path) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0" + _noise().tobytes())


def _jpeg_bomb(path: Path) -> None:
    content = _encoded(GREY, "JPEG")
    path.write_bytes(_patched(content, content.index(b"\xff\xc0") + 5, struct.pack(">HH", HUGE, HUGE)))


def _png_bomb(path: Path) -> None:
    path.write_bytes(png(HUGE, HUGE, rows=4))


def _gif_bomb(path: Path) -> None:
    path.write_bytes(_patched(_encoded(GREY, "GIF"), 6, struct.pack("<HH", HUGE, HUGE)))


def _tiff_bomb(path: Path) -> None:
    tags = [(256, HUGE), (257, HUGE), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, HUGE), (279, 8)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<I", 16) + bytes(8) + struct.pack("<H", len(tags)) + entries + bytes(4))


def _bmp_bomb(path: Path) -> None:
    path.write_bytes(_patched(_encoded(GREY, "BMP"), 18, struct.pack("<ii", HUGE, HUGE)))


def _webp_bomb(path: Path) -> None:
    """The decoder allocates the canvas, 16383 x 16383 x 4 bytes, before it says how large it is."""
    content = _encoded(GREY, "WEBP")
    path.write_bytes(_patched(content, content.index(b"\x9d\x01\x2a") + 3, struct.pack("<HH", 16383, 16383)))


def _sparse(path: Path) -> None:
    """3 GiB that take no space on the disk."""
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with path.open("r+b") as stream:
        stream.truncate(3 * 2**30)


def _clip(path: Path) -> bytes:
    """A second of nothing but a moving card, in MP4 with the table of frames in front."""
    return write_clip(path, (number_card(n) for n in range(30)), mux={"movflags": "faststart"}).read_bytes()


def _cut_mp4(path: Path) -> None:
    content = _clip(path)
    path.write_bytes(content[: len(content) * 2 // 3])


def _no_moov(path: Path) -> None:
    """The frames without the table of frames: a recording that was interrupted, then closed."""
    content = _clip(path)
    start = content.index(b"moov") - 4
    (length,) = struct.unpack(">I", content[start : start + 4])
    path.write_bytes(content[:start] + content[start + length :])


def _declared_longer(path: Path) -> None:
    """The movie header says a hundred times the length of its only track."""
    content = _clip(path)
    at = content.index(b"mvhd") + 20
    (length,) = struct.unpack(">I", content[at : at + 4])
    path.write_bytes(_patched(content, at, struct.pack(">I", length * 100)))


def _no_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()


def _sound(path: Path) -> None:
    write_sound(path)


def _too_long(path: Path) -> None:
    """Two frames, ten hours apart."""
    write_clip(path, (number_card(n) for n in range(2)), codec="mpeg4", stamps=[0, 10 * 3600 * 30])


def _video_bomb(path: Path) -> None:
    """The container says 64 x 64, and its first frame, which libav decodes in order to open it, is a PNG of 7.5 GB."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
        packet = av.Packet(png(HUGE, HUGE, rows=4))
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 30)
        packet.is_keyframe = True
        container.mux(packet)


def _flat(path: Path) -> None:
    GREY.save(path)


def _noisy(path: Path) -> None:
    Image.fromarray(_noise()).save(path)


def _dot(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path)


def _polyglot(path: Path) -> None:
    """A JPEG that is a ZIP too. It is judged as the picture that everybody sees."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("face.txt", "hidden")
    path.write_bytes(_encoded(GREY, "JPEG") + archive.getvalue())


def _faceless_clip(path: Path) -> None:
    _clip(path)


def _small_face(path: Path) -> None:
    _astronaut().resize((220, 220), Image.Resampling.LANCZOS).save(path)


def _blurred_face(path: Path) -> None:
    _astronaut().filter(ImageFilter.GaussianBlur(5)).save(path)


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty.jpg": (_empty, "empty"),
    "text.jpg": (_text, "unsupported"),
    "web page.png": (_web_page, "unsupported"),
    "playlist.mp4": (_playlist, "unsupported"),
    "cut.jpg": (_cut_jpeg, "truncated"),
    "cut.png": (_cut_png, "truncated"),
    "magic.jpg": (_jpeg_magic, "unreadable"),
    "bomb.jpg": (_jpeg_bomb, "too_many_pixels"),
    "bomb.png": (_png_bomb, "too_many_pixels"),
    "bomb.gif": (_gif_bomb, "too_many_pixels"),
    "bomb.tiff": (_tiff_bomb, "too_many_pixels"),
    "bomb.bmp": (_bmp_bomb, "too_many_pixels"),
    "bomb.webp": (_webp_bomb, "too_many_pixels"),
    "bomb.mov": (_video_bomb, "unreadable"),
    "sparse.jpg": (_sparse, "too_many_bytes"),
    "cut.mp4": (_cut_mp4, "truncated"),
    "no table.mp4": (_no_moov, "unreadable"),
    "declared longer.mp4": (_declared_longer, "truncated"),
    "no frames.mkv": (_no_frames, "zero_duration"),
    "sound.m4a": (_sound, "no_video"),
    "ten hours.mkv": (_too_long, "too_long"),
    "flat.png": (_flat, "no_face"),
    "noise.png": (_noisy, "no_face"),
    "dot.png": (_dot, "no_face"),
    "polyglot.jpg": (_polyglot, "no_face"),
    "faceless.mp4": (_faceless_clip, "no_face"),
    "small face.png": (_small_face, "too_small"),
    "blurred face.png": (_blurred_face, "too_blurry"),
}
"""Name -> (what writes it, the reason code it must be given)."""


def make_hostile(folder: Path) -> dict[str, tuple[Path, str]]:
    """Write every hostile file into a folder: name -> (path, expected reason code)."""
    for name, (make, _) in HOSTILE.items():
        make(folder / name)
    return {name: (folder / name, reason) for name, (_, reason) in HOSTILE.items()}
