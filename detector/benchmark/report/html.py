"""A report as one HTML file that fetches nothing: no script, styles and charts inline, pictures as data URIs."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from detector.benchmark.report.document import Chart, Document
from detector.benchmark.report.drawing import svg


def page(document: Document) -> str:
    """The report as HTML; every name in it is text, whatever it looks like."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"svg": _inline, "data_uri": _data_uri}
    return environment.get_template("page.html.jinja").render(document=document)


def _inline(chart: Chart) -> Markup:
    return Markup(svg(chart))  # matplotlib escapes the names in it


def _data_uri(picture: Path) -> str:
    """A PNG as the address of itself."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
