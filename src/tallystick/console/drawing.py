"""From a matplotlib figure to SVG that can stand inside a page: same bytes each time, two languages, themed colours."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tallystick.console.words import WORDS

# Okabe and Ito's colours, told apart by colour-blind eyes; the page gives each a lighter twin for a dark screen.
GOOD, BAD, ACCENT = "#0072b2", "#d55e00", "#009e73"
INK, SOFT, LINE = "#1d2330", "#596273", "#d5dae3"
HEAT = ("#eef1f6", "#f6d8a8", "#d55e01")
EMPTY = "#fafbfc"
VARIABLES: Mapping[str, str] = {
    GOOD: "--good",
    BAD: "--bad",
    ACCENT: "--accent",
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    HEAT[0]: "--heat-0",
    HEAT[1]: "--heat-1",
    HEAT[2]: "--heat-2",
    EMPTY: "--heat-none",
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2.0,
}
_FONT = re.compile(r"font: (?:\w+ )*?([\d.]+)px [^;\"]*")
_WEIGHT = re.compile(r"font: (?:\w+ )*?(bold|600|700) ")


def style(name: str) -> Any:
    """The drawing style as a context; `name` salts the ids inside the SVG."""
    settings: Any = {**_STYLE, "svg.hashsalt": name}
    return matplotlib.rc_context(settings)


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure that belongs to no global state."""
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def svg_of(figure: Figure, name: str) -> str:
    """Print a figure as an SVG element whose bytes depend on its content only.

    Parameters
    ----------
    figure
        Drawn inside `style(name)`.
    name
        Goes before every id, so that many plots share one page.
    """
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The reader's browser draws the text, so a glyph that this machine's font lacks is no fault.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    for pattern in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style[^>]*>.*?</style>", r"<defs>\s*</defs>"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = _WEIGHT.sub(r"font-weight: \1; \g<0>", text)
    text = _FONT.sub(r"font-size: \1px", text)
    return re.sub(r"\n\s*", "\n", text)


def inline(svg: str, name: str, codes: Iterable[str]) -> str:
    """Make an SVG part of a page: themed colours, both languages for the words of `codes`, named by its caption."""
    svg = re.sub(r' (xmlns(:xlink)?|version)="[^"]*"', "", svg)
    label = f'role="img" aria-labelledby="{name}-title {name}-reading"'
    svg = svg.replace("<svg", f"<svg {label}", 1)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(f": {colour}", f": var({variable})")
    for code in codes:
        words = WORDS(code)
        english, chinese = escape(words.text("en"), quote=False), escape(words.text("zh"), quote=False)
        both = f'<tspan lang="en">{english}</tspan><tspan lang="zh">{chinese}</tspan>'
        svg = svg.replace(f">{english}</text>", f">{both}</text>")
    return svg
