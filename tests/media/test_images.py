"""Pictures of every kind come out as the upright RGB that a person sees."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from detector.errors import MediaError
from detector.media import MediaLimits, open_media
from detector.types import REASONS, Pixels
from tests.hostile import png

LOSSLESS: dict[str, dict[str, object]] = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
    "WEBP": {"lossless": True},
}
ALL: dict[str, dict[str, object]] = {
    **LOSSLESS,
    "JPEG": {},
    "JPEG progressive": {"progressive": True},
    "WEBP lossy": {},
    "GIF": {},
}


def encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, name.split()[0], **options)
    return stream.getvalue()


def decoded(content: bytes) -> Pixels:
    (frame,) = open_media(content).frames()
    assert (frame.time_s, frame.index) == (0.0, 0)
    assert frame.pixels.flags.writeable
    return frame.pixels


def reason(content: bytes) -> str | None:
    """Why a picture is refused; None when it is not."""
    try:
        decoded(content)
    except MediaError as error:
        return error.reason
    return None


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> Image.Image:
    """Her head, wider than high, so that a wrong turn shows."""
    return Image.fromarray(astronaut[60:188, 120:300])


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_pixels_back(photo: Image.Image, name: str) -> None:
    np.testing.assert_array_equal(decoded(encoded(photo, name, **LOSSLESS[name])), np.asarray(photo))


def test_a_path_with_spaces_and_umlauts_gives_what_its_bytes_give(photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "ein Bild, größer 写真.png"
    photo.save(path)
    media = open_media(path)
    assert (media.kind, media.format, media.frame_count, media.warnings) == ("image", "PNG", 1, [])
    np.testing.assert_array_equal(next(media.frames()).pixels, decoded(path.read_bytes()))


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "JPEG", "WEBP lossy"])
def test_another_decoder_sees_the_same(photo: Image.Image, name: str) -> None:
    content = encoded(photo, name)
    reference = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.abs(decoded(content).astype(int) - reference).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP lossy", "TIFF", "TIFF lzw"])
def test_exif_orientation_is_applied_once(photo: Image.Image, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photo, name, exif=exif, **ALL.get(name, {}))
    reference = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(decoded(content), np.asarray(reference))
    assert (decoded(content).shape[0] > decoded(content).shape[1]) == (orientation >= 5)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_broken_exif_block_is_ignored(photo: Image.Image, exif: bytes) -> None:
    assert decoded(encoded(photo, "JPEG", exif=exif)).shape == (128, 180, 3)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bit_grey_is_scaled_to_8(extension: str) -> None:
    wide = np.array([[0, 128, 129, 257, 0x8000], [0xFFFF, 0xFF7F, 0xFF7E, 65000, 12345]], np.uint16)
    content = cv2.imencode(extension, wide)[1].tobytes()
    reference = np.round(wide / 65535 * 255).astype(np.uint8)
    np.testing.assert_array_equal(decoded(content), np.repeat(reference[:, :, None], 3, axis=2))


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bit_colour_is_scaled_to_8(extension: str) -> None:
    wide = np.random.default_rng(0).integers(0, 65536, (9, 11, 3), dtype=np.uint16)
    content = cv2.imencode(extension, wide)[1].tobytes()
    assert np.abs(decoded(content)[:, :, ::-1] - wide / 257).max() <= 1


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), (128, 128, 128)),
        ("RGBA", (250, 20, 0, 255), (250, 20, 0)),
        ("RGBA", (250, 20, 0, 0), (128, 128, 128)),
        ("RGBA", (255, 0, 0, 51), (153, 102, 102)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, colour: int | tuple[int, ...], seen: tuple[int, int, int]) -> None:
    name = "TIFF" if mode == "CMYK" else "PNG"
    pixels = decoded(encoded(Image.new(mode, (7, 5), colour), name))
    assert pixels.shape == (5, 7, 3)
    np.testing.assert_array_equal(np.unique(pixels.reshape(-1, 3), axis=0), [seen])


def test_a_palette_and_its_transparent_colour() -> None:
    picture = Image.new("P", (4, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putdata([0, 1, 0, 1])
    for name in ("GIF", "PNG"):
        np.testing.assert_array_equal(decoded(encoded(picture, name))[0, :2], [[10, 20, 30], [200, 100, 50]])
        seen = decoded(encoded(picture, name, transparency=1))[0, :2]
        np.testing.assert_array_equal(seen, [[10, 20, 30], [128, 128, 128]])


def test_a_tall_picture_is_whole() -> None:
    """Rows are converted in bands: none is lost or shifted at their seams."""
    pixels = np.random.default_rng(0).integers(0, 256, (1025, 3, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(pixels), "PNG")), pixels)


def test_samples_without_a_known_range_are_refused() -> None:
    with pytest.raises(MediaError, match="32 bits") as caught:
        decoded(encoded(Image.new("F", (4, 4), 0.5), "TIFF"))
    assert caught.value.reason == "unsupported"


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_pictures_the_first_is_taken_and_that_is_said(photo: Image.Image, name: str) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    content = encoded(
        photo.convert("L"), name, save_all=True, append_images=[photo.convert("L").rotate(180)], **options
    )
    assert any(warning.startswith("several pictures") for warning in open_media(content).warnings)
    np.testing.assert_array_equal(decoded(content)[:, :, 0], np.asarray(photo.convert("L")))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_cut_picture_is_refused_or_whole(name: str, part: float) -> None:
    """Some formats end in bytes that no pixel needs; a picture with grey where a face was is never returned."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    content = encoded(noise.quantize(200) if name == "GIF" else noise, name, **ALL[name])
    cut = content[: max(int(part * len(content)), 16)]
    assert reason(cut) in ("truncated", None)
    if reason(cut) is None:
        np.testing.assert_array_equal(decoded(cut), decoded(content))


@pytest.mark.parametrize("name", ["JPEG", "JPEG progressive"])
def test_a_jpeg_cut_anywhere_is_truncated(name: str) -> None:
    content = encoded(Image.new("RGB", (16, 16), "red"), name, **ALL[name])
    assert {reason(content[:length]) for length in range(3, len(content))} == {"truncated"}


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_picture_has_a_reason_or_pixels(name: str, data: st.DataObject) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8))
    content = bytearray(encoded(picture, name, **ALL[name]))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert reason(bytes(content)) in {*REASONS, None}


def test_the_size_is_read_before_a_pixel_is_decoded() -> None:
    with pytest.raises(MediaError, match="50 x 40") as caught:
        open_media(png(50, 40, rows=1), MediaLimits(max_pixels=1999))
    assert caught.value.reason == "too_many_pixels"
    assert open_media(png(50, 40, rows=1), MediaLimits(max_pixels=2000)).kind == "image"


def test_a_raised_limit_is_kept_without_a_warning() -> None:
    """Pillow warns of 100 million pixels; who raises the limit has been warned."""
    assert open_media(png(10_000, 10_000, rows=1), MediaLimits(max_pixels=10**9)).kind == "image"
