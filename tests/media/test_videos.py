"""Videos come out frame by frame, upright, at the times at which they are shown. Each frame says its own number."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.errors import MediaError
from detector.media import MediaLimits, Sampling, open_media
from detector.media.limits import Stopwatch
from detector.types import Pixels
from tests.clips import number_card, read_card, write_clip, write_sound
from tests.hostile import png
from tests.memory import PEAK_KB

COUNT = 150
QUIET_X265 = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
CLIPS: dict[str, dict[str, object]] = {
    "h264.mp4": {"b_frames": 2},
    "h264.mov": {"b_frames": 2},
    "h264.mkv": {"b_frames": 2},
    "h264.avi": {"b_frames": 2},
    "h264 open gop.mkv": {"b_frames": 3, "options": {"x264-params": "open-gop=1"}},
    "hevc open gop.mp4": {"codec": "libx265", "b_frames": 2, "options": QUIET_X265},
    "mpeg4.mp4": {"codec": "mpeg4"},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "vp8 with hidden frames.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "5"}},
    "live, of unknown length.webm": {"codec": "libvpx", "mux": {"live": "1"}},
    "fragmented.mp4": {"mux": {"movflags": "frag_keyframe+empty_moov"}},
    "faststart.mp4": {"mux": {"movflags": "faststart"}},
}
SEALED = [name for name in CLIPS if not name.startswith("live")]
"""Those that declare where they end."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every clip of `CLIPS`."""
    folder = tmp_path_factory.mktemp("clips")
    for name, options in CLIPS.items():
        write_clip(folder / name, (number_card(n) for n in range(COUNT)), **options)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_is_given_with_its_number_and_time(clips: Path, name: str) -> None:
    media = open_media(clips / name)
    assert (media.kind, media.frame_count, media.warnings) == ("video", COUNT, [])
    assert media.duration_s == pytest.approx(COUNT / 30, abs=0.01)
    frames = list(media.frames(Sampling(every=True)))
    assert [read_card(frame.pixels) for frame in frames] == list(range(COUNT))
    assert [frame.index for frame in frames] == list(range(COUNT))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(COUNT) / 30, atol=0.001)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(frames=5), Sampling(frames=1), Sampling(fps=2.0)], ids=str)
@pytest.mark.parametrize("name", CLIPS)
def test_sampled_frames_are_the_right_ones(clips: Path, name: str, sampling: Sampling) -> None:
    """Whatever is skipped on the way: the pixels carry the number that the frame is given."""
    frames = list(open_media((clips / name).read_bytes()).frames(sampling))
    assert len(frames) == (sampling.frames or COUNT / 30 * 2)
    assert [read_card(frame.pixels) for frame in frames] == [frame.index for frame in frames]
    gaps = np.diff([frame.index for frame in frames])
    assert len(gaps) == 0 or np.ptp(gaps) <= 1


def test_a_clip_can_be_read_again(clips: Path) -> None:
    media = open_media(clips / "h264.mp4")
    first = next(media.frames())
    np.testing.assert_array_equal(next(media.frames()).pixels, first.pixels)


def test_variable_frame_rate_goes_by_time_stamps(tmp_path: Path) -> None:
    stamps = [0, 10, 20, 500, 900, 910, 1000]
    unit = Fraction(1, 100)
    path = write_clip(tmp_path / "a.mkv", (number_card(n) for n in range(7)), stamps=stamps, unit=unit, codec="mpeg4")
    media = open_media(path)
    assert [frame.time_s for frame in media.frames(Sampling(every=True))] == [s / 100 for s in stamps]
    assert [frame.index for frame in media.frames(Sampling(fps=0.5))] == [0, 2, 3, 6]  # at 0, 2, 4, 6, 8 and 10 s
    assert [read_card(frame.pixels) for frame in media.frames(Sampling(fps=0.5))] == [0, 2, 3, 6]


def test_time_counts_from_the_first_frame(tmp_path: Path) -> None:
    stamps = range(900, 930)
    path = write_clip(tmp_path / "a.mkv", (number_card(n) for n in range(30)), stamps=stamps)
    frames = list(open_media(path).frames(Sampling(every=True)))
    assert (frames[0].time_s, frames[-1].time_s) == (0.0, pytest.approx(29 / 30, abs=0.001))


def test_what_an_edit_list_cuts_away_is_not_shown(tmp_path: Path) -> None:
    """As a phone trims: the frames before the cut are in the file, for the decoder alone."""
    path = write_clip(tmp_path / "a.mp4", (number_card(n) for n in range(60)), codec="mpeg4", stamps=range(-20, 40))
    media = open_media(path)
    assert [read_card(frame.pixels) for frame in media.frames(Sampling(every=True))] == list(range(20, 60))
    assert media.duration_s == pytest.approx(40 / 30, abs=0.01)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_display_matrix_is_applied(tmp_path: Path, name: str, rotation: int, mirrored: bool) -> None:
    path = write_clip(tmp_path / name, [number_card(5)] * 3, rotation=rotation, mirrored=mirrored)
    plain = write_clip(tmp_path / f"plain {name}", [number_card(5)] * 3)
    stored, shown = (next(open_media(p).frames()).pixels for p in (plain, path))
    seen = np.rot90(stored, rotation // 90)
    np.testing.assert_array_equal(shown, seen[:, ::-1] if mirrored else seen)


def test_colours_are_those_that_were_written(tmp_path: Path) -> None:
    """BT.601 limited range, which is what libav writes and tells nobody."""
    picture = np.full((64, 64, 3), (200, 60, 30), np.uint8)
    path = write_clip(tmp_path / "a.mp4", [picture] * 3, options={"crf": "1"})
    assert np.abs(next(open_media(path).frames()).pixels.astype(int) - picture).max() <= 3


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("name", SEALED)
def test_a_cut_clip_is_refused(clips: Path, name: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    content = (clips / name).read_bytes()
    with pytest.raises(MediaError) as caught:
        open_media(content[: int(share * len(content))])
    assert caught.value.reason == "truncated"
    assert capfd.readouterr() == ("", "")


def test_a_cut_clip_of_unknown_length_gives_what_is_there(clips: Path) -> None:
    """A live recording declares neither its length nor its end: nobody can tell that some is missing."""
    content = (clips / "live, of unknown length.webm").read_bytes()
    frames = list(open_media(content[: len(content) * 2 // 3]).frames(Sampling(every=True)))
    assert [read_card(frame.pixels) for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize("name", CLIPS)
def test_a_damaged_clip_has_a_reason_or_frames(clips: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content, rng = (clips / name).read_bytes(), np.random.default_rng(0)
    for sampling in (Sampling(), Sampling(every=True)) * 4:
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), 20)] = rng.integers(0, 256, 20)
        with contextlib.suppress(MediaError):
            assert list(open_media(damaged.tobytes(), MediaLimits(timeout_s=20)).frames(sampling))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("kept", "reason"), [(0, "unreadable"), (60, "truncated"), (COUNT - 3, None)])
def test_frames_that_a_decoder_leaves_out_without_a_word_are_missed(
    clips: Path, tmp_path: Path, kept: int, reason: str | None
) -> None:
    """All packets are there, with all their time stamps, but from some place on they hold no picture."""
    path, delimiter = tmp_path / "hollow.mp4", bytes([0, 0, 0, 3, 0x46, 1, 0x50])
    with av.open(str(clips / "hevc open gop.mp4")) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for position, packet in enumerate(p for p in source.demux() if p.size):
            hollow = packet if position < kept else av.Packet(delimiter)
            hollow.pts, hollow.dts, hollow.time_base = packet.pts, packet.dts, packet.time_base
            hollow.stream, hollow.is_keyframe = stream, packet.is_keyframe
            out.mux(hollow)
    if reason is None:
        assert len(list(open_media(path).frames(Sampling(every=True)))) == pytest.approx(kept, abs=1)
        return
    for sampling in (Sampling(), Sampling(every=True)):
        with pytest.raises(MediaError) as caught:
            list(open_media(path).frames(sampling))
        assert caught.value.reason == reason


def test_sound_longer_than_the_pictures_is_no_damage(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", (number_card(n) for n in range(3)))
    sound = write_sound(tmp_path / "sound.m4a")
    with av.open(str(tmp_path / "both.mp4"), "w") as out, av.open(str(clip)) as a, av.open(str(sound)) as b:
        pairs = [(source, out.add_stream_from_template(source.streams[0])) for source in (a, b)]
        for source, stream in pairs:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    media = open_media(tmp_path / "both.mp4")
    assert media.duration_s == pytest.approx(0.1, abs=0.01)
    assert len(list(media.frames())) == 3


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "sound.m4a")
    with av.open(str(tmp_path / "song.m4a"), "w", format="mp4") as out, av.open(str(sound)) as source:
        stream = out.add_stream_from_template(source.streams[0])
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 80, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(number_card(1), format="rgb24").reformat(format="yuvj420p")
        out.mux(cover.encode(frame))
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(MediaError) as caught:
        open_media(tmp_path / "song.m4a")
    assert caught.value.reason == "no_video"


def test_length_is_limited(clips: Path) -> None:
    with pytest.raises(MediaError) as caught:
        open_media(clips / "h264.mp4", MediaLimits(max_duration_s=4.9))
    assert caught.value.reason == "too_long"
    assert open_media(clips / "h264.mp4", MediaLimits(max_duration_s=5.1)).frame_count == COUNT


def test_size_is_limited(clips: Path) -> None:
    with pytest.raises(MediaError, match="64 x 80") as caught:
        open_media(clips / "h264.mp4", MediaLimits(max_pixels=64 * 80 - 1))
    assert caught.value.reason == "too_many_pixels"


def test_a_video_that_grows_is_refused(tmp_path: Path) -> None:
    """The header and the first frame say 64 x 64; the second frame does not."""
    path = tmp_path / "grows.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
        for number, side in enumerate((64, 400)):
            packet = av.Packet(png(side, side, rows=side))
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 30)
            packet.is_keyframe = True
            container.mux(packet)
    assert [f.pixels.shape[0] for f in open_media(path).frames(Sampling(every=True))] == [64, 400]
    with pytest.raises(MediaError):
        list(open_media(path, MediaLimits(max_pixels=300 * 300)).frames(Sampling(every=True)))


def test_time_is_limited(clips: Path) -> None:
    with pytest.raises(MediaError) as caught:
        open_media(clips / "h264.mp4", MediaLimits(timeout_s=0.0))
    assert caught.value.reason == "timeout"


def test_time_between_frames_belongs_to_the_caller() -> None:
    watch = Stopwatch(limit_s=0.0)
    watch.stop()
    with pytest.raises(MediaError):
        watch.check()


MEMORY = f"""{PEAK_KB}
import gc, sys
from detector.media import Sampling, open_media
media = open_media(__import__("pathlib").Path(sys.argv[1]))
gc.disable()  # a frame must go when it is done with, not when somebody happens to collect
frames = media.frames(Sampling(every=True))
for _ in range(20):
    next(frames)
before = peak_kb()
count = sum(1 for _ in frames) + 20
print(count, peak_kb() - before)
"""


def test_memory_is_flat(tmp_path: Path) -> None:
    """300 frames of 0.9 MB: 270 MB if they were kept."""
    card: Pixels = np.full((480, 640, 3), 90, np.uint8)
    path = write_clip(tmp_path / "long.mp4", (card for _ in range(300)), codec="mpeg4", rotation=90)
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    count, grown = (int(word) for word in done.stdout.split())
    assert count == 300
    assert grown < 8 * 1024, "kB"
