"""Charts -> SVG for the page and PNG for whoever wants a file: one style, the same bytes every time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from detector.benchmark.report.document import Chart
from detector.benchmark.run.results import Kind, Results
from detector.explain.charts import MARKERS, PEOPLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Line = Mapping[str, Any]
"""How a curve looks: the keywords of `Axes.plot`."""
INK = "#1b1f24"
"""Of text and axes; in the page it becomes the colour of the text around it, dark or light."""
DRAWN: tuple[Kind, ...] = ("ours", "control", "network", "external")
COLOURS = (*PEOPLE, "#d55e00")
SHAPES = (*MARKERS, "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
MOST = len(COLOURS)
"""More curves than this nobody tells apart."""
LONGEST = 24
"""Letters of a name in a legend."""
LETTERS = 16
"""Of a legend, in an inch."""
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be read out, searched, and has the page's font
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.color": INK,
    "ytick.color": INK,
}
SIGNATURE = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def drawn(results: Results) -> dict[str, Line]:
    """The approaches that charts show, at most `MOST`, and how the line of each looks."""
    names = [entry.name for entry in results.entries if entry.kind in DRAWN][:MOST]
    return {
        name: {"color": colour, "marker": shape, "linestyle": dash}
        for name, colour, shape, dash in zip(names, COLOURS, SHAPES, DASHES, strict=False)
    }


def label(name: str) -> str:
    """A name that fits a legend; one with an underscore in front would otherwise be left out of it."""
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return f" {short}" if short.startswith("_") else short


def legend(figure: Figure, axes: Axes) -> None:
    """One legend above everything, from the left: that is what a narrow screen shows first."""
    handles, labels = axes.get_legend_handles_labels()
    width = 0.6 + max(map(len, labels)) / LETTERS
    columns = max(1, int(figure.get_figwidth() / width))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def svg(chart: Chart) -> str:
    """The chart as an element of an HTML page: no name of it clashes with another chart's, nothing is fetched."""
    written = StringIO()
    with _figure(chart) as figure:
        figure.savefig(written, format="svg", metadata=SIGNATURE, transparent=True)
    element = written.getvalue()
    element = element[element.index("<svg") :].replace(INK, "currentColor").replace("xlink:href", "href")
    element = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", element, count=3)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{chart.name}-", element)


def png(chart: Chart) -> bytes:
    """The chart as a file, on white."""
    written = BytesIO()
    with _figure(chart) as figure:
        figure.savefig(written, format="png", dpi=150, metadata={"Software": None})
    return written.getvalue()


@contextmanager
def _figure(chart: Chart) -> Iterator[Figure]:
    """The drawn figure, in a style that no file of the user's changes."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE | {"svg.hashsalt": chart.name}]), warnings.catch_warnings():
        # The page's reader has fonts for scripts that matplotlib's lacks.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure = Figure(figsize=chart.size)
        chart.draw(figure)
        yield figure
