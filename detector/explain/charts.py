"""Charts: what each region of a face says, and the probability through a video."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from textwrap import wrap
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detector.explain.style import FAKE, INK, REAL, Colour, probability
from detector.types import Array, FaceReport, Pixels, RegionEvidence, TimelinePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Times = npt.NDArray[np.float64]

PEOPLE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
"""Line colours of Okabe & Ito (2008) that colour-blind people tell apart; each comes with its own marker."""
MARKERS = "os^Dv"
FEW = 150
"""Up to this many frames every point of a line is marked; beyond, only points that stand alone."""
STEPS_S = (30, 60, 120, 300, 600, 900, 1800, 3600)
"""Distances between the ticks of a long video."""
_STYLE = Lock()


def region_bars(regions: Sequence[RegionEvidence]) -> Pixels:
    """Bars of what each region adds to the log-odds of "fake", the strongest push towards fake on top.

    Args:
        regions: the evidence of one face, in any order.

    Returns:
        (H, W, 3) uint8 RGB, with the evidence in words beside each bar.
    """
    ordered = sorted(regions, key=lambda evidence: evidence.contribution)
    names = [evidence.region.replace("_", " ") for evidence in ordered]
    stories = [evidence.words.removeprefix(f"{name}: ") for name, evidence in zip(names, ordered, strict=True)]
    words = ["\n".join(wrap(story, 48)) for story in stories]
    heights = [1 + max(0, text.count("\n") - 1) * 0.5 for text in words]
    places = np.cumsum(heights) - np.array(heights) / 2

    def draw(axes: Axes) -> None:
        if not ordered:
            axes.set_axis_off()
            _note(axes, "no region gave evidence")
            return
        values = [evidence.contribution for evidence in ordered]
        axes.barh(places, values, height=0.62, color=[_rgb(FAKE if value > 0 else REAL) for value in values])
        axes.set_yticks(places, names)
        for place, value, text in zip(places, values, words, strict=True):
            _beside_bar(axes, place, value, text)
        _log_odds_axis(axes, reach=1.3 * (max(map(abs, values)) or 1), height=sum(heights))

    return _drawn(10, 1.2 + 0.36 * (sum(heights) or 1), draw)


def timeline(
    points: Sequence[TimelinePoint],
    threshold: float | None,
    faces: Sequence[FaceReport] = (),
    people: Sequence[FaceReport] = (),
) -> Pixels:
    """The probability of "fake" through a video; where no face could be scored there is a gap, never a number.

    Where one shot ends and the next begins there is a vertical line; the times at which somebody looks fake are shaded
    in the colour of their line.

    Args:
        points: the most suspicious face at each time, in any order.
        threshold: from which probability on a face is called fake.
        faces: the faces of the video; with two tracked people or more, each of the five most suspicious gets a line.
        people: one face a person, whose `person` tells when they look fake.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    ordered = sorted(points, key=lambda point: point.time_s)
    times = np.array([point.time_s for point in ordered], np.float64)
    values = np.array([np.nan if point.probability is None else point.probability for point in ordered], np.float32)

    def draw(axes: Axes) -> None:
        _time_axis(axes, times)
        _threshold_line(axes, threshold)
        _gaps(axes, times, values)
        _cuts(axes, times, [point.shot for point in ordered])
        lines = _people(times, faces)
        _line(axes, times, values, "most suspicious face", _rgb(INK), "o", wide=bool(lines))
        for (track, line), colour, marker in zip(lines, PEOPLE, MARKERS, strict=False):
            _line(axes, times, line, f"person {track + 1}", colour, marker)
        if len(lines) > len(PEOPLE):
            axes.plot([], [], " ", label=f"{len(lines) - len(PEOPLE)} less suspicious not shown")
        _segments(axes, people, dict(zip((track for track, _ in lines), PEOPLE, strict=False)))
        if np.isnan(values).all():
            _note(axes, "no face could be scored" if len(times) else "no frame was scored")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize="small")

    return _drawn(10, 3.6, draw)


def _drawn(width: float, height: float, draw: Callable[[Axes], None]) -> Pixels:
    """A figure of this size in inches, in matplotlib's own style whatever the user's is."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with _STYLE, style.context("default"), BytesIO() as stream:
        figure = Figure(figsize=(width, height), dpi=120)
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
        draw(figure.add_subplot())
        figure.savefig(stream, format="rgba", dpi="figure")
        columns, rows = figure.canvas.get_width_height()
        return np.frombuffer(stream.getvalue(), np.uint8).reshape(rows, columns, 4)[:, :, :3].copy()


def _rgb(colour: Colour) -> tuple[float, float, float]:
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def _note(axes: Axes, text: str) -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 6.0}
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_rgb(INK), bbox=paper)


def _log_odds_axis(axes: Axes, reach: float, height: float) -> None:
    axes.set(xlim=(-reach, reach), ylim=(0, height))
    axes.set_xlabel("contribution to the log-odds of “fake”\n← towards real        towards fake →")
    axes.axvline(0, color=_rgb(INK), linewidth=1)
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _beside_bar(axes: Axes, place: float, value: float, text: str) -> None:
    """The number at the end of the bar, the evidence to the right of the axes."""
    axes.annotate(
        f"{value:+.2f}".replace("-", "−") if value else "0",
        (value, place),
        xytext=(4 if value >= 0 else -4, 0),
        textcoords="offset points",
        ha="left" if value >= 0 else "right",
        va="center",
        fontsize="small",
    )
    beside = axes.get_yaxis_transform()
    axes.text(1.02, place, text, transform=beside, va="center", fontsize="small", parse_math=False)


def _time_axis(axes: Axes, times: Times) -> None:
    """Seconds; minutes and hours where the video is long."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    edges = _edges(times) if len(times) else np.array([0.0, 1.0])
    span = edges[-1] - edges[0]
    axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.02, 1.02), xlabel="time (s)", ylabel="probability of “fake”")
    axes.grid(axis="y", linewidth=0.5, alpha=0.5)
    axes.spines[["right", "top"]].set_visible(False)
    if len(times) == 1:
        axes.set_xticks(times)
    if span > 180:
        step = next((step for step in STEPS_S if span / step <= 12), STEPS_S[-1])
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds, hours=span >= 3600)))
        axes.set_xlabel("time (h:min:s)" if span >= 3600 else "time (min:s)")


def _clock(seconds: float, hours: bool) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _edges(times: Times) -> Times:
    """The (N + 1) borders halfway between N times, the outer ones half a median step outside."""
    half = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.5
    return np.concatenate([[times[0] - half], (times[1:] + times[:-1]) / 2, [times[-1] + half]])


def _threshold_line(axes: Axes, threshold: float | None) -> None:
    if threshold is None:
        return
    axes.axhspan(threshold, 1.02, color=_rgb(FAKE), alpha=0.07, linewidth=0)
    axes.axhline(threshold, color=_rgb(FAKE), linestyle="--", linewidth=1, zorder=3)
    words = f"threshold {probability(threshold)}\nfake from here up"
    beside = axes.get_yaxis_transform()
    axes.text(1.01, threshold, words, transform=beside, va="center", color=_rgb(FAKE), fontsize="small")


def _gaps(axes: Axes, times: Times, values: Array) -> None:
    """Hatch the times at which no face could be scored."""
    if not len(times):
        return
    edges, missing = _edges(times), np.isnan(values)
    turns = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    label = "no face could be scored"
    for first, last in turns.reshape(-1, 2):
        axes.axvspan(edges[first], edges[last], facecolor="0.93", edgecolor="0.6", hatch="//", linewidth=0, label=label)
        label = ""


def _cuts(axes: Axes, times: Times, shots: Sequence[int | None]) -> None:
    """A line between the last look at a shot and the first look at the next."""
    cuts = [row for row in range(1, len(shots)) if shots[row] != shots[row - 1]]
    label = "cut"
    for row in cuts:
        axes.axvline(float(times[row - 1 : row + 1].mean()), color="0.35", linestyle=":", linewidth=1.2, label=label)
        label = ""


def _segments(axes: Axes, people: Sequence[FaceReport], colours: Mapping[int, str]) -> None:
    """Shade when somebody looks fake; who has no line is shaded in the colour of fakes."""
    for face in people:
        colour = colours.get(-1 if face.track is None else face.track, _rgb(FAKE))
        label = f"{face.name} looks fake"
        for segment in face.person.segments if face.person else ():
            axes.axvspan(segment.from_s, segment.to_s, color=colour, alpha=0.22, linewidth=0, label=label)
            label = ""


def _people(times: Times, faces: Sequence[FaceReport]) -> list[tuple[int, Array]]:
    """Each tracked person's probability at each time, NaN where absent; the most suspicious first, if there are two."""
    tracks: dict[int, Array] = {}
    row = {float(time): index for index, time in enumerate(times)}
    for face in faces:
        if face.track is not None and face.probability is not None and face.time_s in row:
            line = tracks.setdefault(face.track, np.full(len(times), np.nan, np.float32))
            line[row[face.time_s]] = np.fmax(line[row[face.time_s]], face.probability)
    ranked = sorted(tracks.items(), key=lambda item: (-np.nanmax(item[1]), item[0]))
    return ranked if len(ranked) > 1 else []


def _line(
    axes: Axes,
    times: Times,
    values: Array,
    label: str,
    colour: str | tuple[float, float, float],
    marker: str,
    wide: bool = False,
) -> None:
    """A line that breaks at NaN; a point between two gaps is always marked, or it would not show."""
    known = ~np.isnan(values)
    if not known.any():
        return
    beside = np.pad(known, 1)
    marked = known & (~(beside[:-2] | beside[2:]) | (len(values) <= FEW and not wide))
    (line,) = axes.plot(times, values, label=label, color=colour, marker=marker, markersize=4)
    line.set_markevery([int(row) for row in np.flatnonzero(marked)])
    line.set_linewidth(5 if wide else 1.5 if len(values) <= FEW else 0.7)
    line.set_alpha(0.25 if wide else 1)
