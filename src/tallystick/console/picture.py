"""The picture of the README: one decision's way from event to proof, drawn from a run's own story."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

from tallystick.console.drawing import ACCENT, GOOD, INK, LINE, SOFT, new_figure, style, svg_of
from tallystick.console.words import WORDS
from tallystick.core import StateError, to_datetime
from tallystick.desk.reportdata import ReportData, Story

_WIDTH, _HEIGHT = 1280, 410
_BOX, _GAP, _LEFT = 192, 16, 24
_TOP, _BOTTOM = 358, 98
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_WOOD, _WOOD_DARK = "#d9b98a", "#8a6437"


def make_picture(report: ReportData) -> str:
    """Draw event → labels → score → rules → reasons → proof with the values of the report's story.

    Parameters
    ----------
    report
        A run's report that tells a story.

    Returns
    -------
    str
        A self-contained SVG document, 1280 by 410 units; the same report gives the same bytes.

    Raises
    ------
    StateError
        When the report tells no story.
    """
    story = report.story
    if story is None:
        raise StateError(WORDS("none.story"))
    with style("picture"):
        figure = new_figure(_WIDTH / 72, _HEIGHT / 72)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(0, _HEIGHT)
        axes.axis("off")
        axes.add_patch(_rounded(2, 2, _WIDTH - 4, _HEIGHT - 4, 14, "#f6f7f9", LINE))
        _stick(axes)
        moment = to_datetime(story.at, report.zone).strftime("%Y-%m-%d %H:%M")
        for place, (code, lines) in enumerate(_boxes(story, moment)):
            _box(axes, place, WORDS(f"story.{code}").text(), lines)
        svg = svg_of(figure, "picture")
    size = f'width="{_WIDTH}" height="{_HEIGHT}" font-family="{_FONT}" role="img" aria-label="{_caption(story)}"'
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + svg.replace("<svg", f"<svg {size}", 1) + "\n"


def _boxes(story: Story, moment: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Heading code and lines of each box; a line is (kind, text), its kind name, value, big, good or hash."""
    event = [("name", "at"), ("value", moment)]
    event += [line for item in story.event[:4] for line in (("name", item.name), ("value", item.value))]
    shown = [label for label in story.labels if not label.missing][:5]
    labels = [line for label in shown for line in (("name", label.name), ("value", label.value))]
    score = []
    if story.score is not None:
        score = [("big", str(story.score.points)), ("value", f"risk {story.score.pd:.2%}")]
        for loss in story.score.losses[:3]:
            score += [("name", loss.label), ("value", f"\N{MINUS SIGN}{loss.points_lost}")]
    rules = [line for rule in story.rules[:2] for line in (("name", f"rule {rule.rule}"), *_wrapped(rule.text, 2))]
    rules += [("big", story.outcome)]
    reasons = [line for reason in story.reasons[:3] for line in (("name", reason.code), *_wrapped(reason.en, 2))]
    proof = [
        ("name", f"leaf {story.proof.index:,} of {story.proof.size:,}"),
        ("hash", _short(story.proof.leaf)),
        ("name", "root"),
        ("hash", _short(story.proof.root)),
    ]
    for check in story.proof.checks[:5]:
        mark, kind = ("✓", "good") if check.passed else ("✗", "value")
        proof += [(kind, line) for _, line in _wrapped(f"{mark} {check.name.en}", 2)]
    parts = (event, labels, score, rules, reasons, proof)
    names = ("event", "labels", "score", "rules", "reasons", "proof")
    return list(zip(names, parts, strict=True))


def _box(axes: Axes, place: int, heading: str, lines: Sequence[tuple[str, str]]) -> None:
    left = _LEFT + place * (_BOX + _GAP)
    axes.add_patch(_rounded(left, _BOTTOM, _BOX, _TOP - _BOTTOM + 24, 10, "white", LINE))
    axes.add_patch(Circle((left + 22, _TOP - 4), 11, facecolor=GOOD, edgecolor="none"))
    axes.text(left + 22, _TOP - 4, str(place + 1), color="white", fontsize=11, ha="center", va="center_baseline")
    axes.text(left + 42, _TOP - 4, heading, color=INK, fontsize=14, weight="bold", va="center_baseline")
    sizes = {"name": 10.5, "value": 12.0, "big": 25.0, "good": 11.0, "hash": 11.0}
    colours = {"name": SOFT, "value": INK, "big": GOOD, "good": ACCENT, "hash": INK}
    steps = {"name": 17, "value": 25, "more": 17, "big": 27, "good": 18, "hash": 25}
    down = _TOP - 42
    for index, (kind, text) in enumerate(lines):
        if kind == "big":
            down -= 12
        if down < _BOTTOM + 10:
            break
        axes.text(left + 14, down, _cut(text, kind), color=colours[kind], fontsize=sizes[kind], va="baseline")
        following = lines[index + 1][0] if index + 1 < len(lines) else ""
        down -= steps["more" if kind == "value" and following == "value" else kind]
    if place < 5:
        tip = left + _BOX + _GAP - 3
        middle = (_TOP + _BOTTOM) / 2
        axes.add_patch(
            Polygon([(tip - 9, middle + 7), (tip, middle), (tip - 9, middle - 7)], facecolor=SOFT, edgecolor="none")
        )


def _stick(axes: Axes) -> None:
    """A split tally stick under the boxes: one notch a step, the same on both halves."""
    left, right, middle = _LEFT + 20, _WIDTH - _LEFT - 20, 52
    for low in (middle + 2, middle - 18):
        axes.add_patch(_rounded(left, low, right - left, 16, 5, _WOOD, _WOOD_DARK))
    for place in range(6):
        notch = _LEFT + place * (_BOX + _GAP) + _BOX / 2
        for edge, depth in ((middle + 19.4, -11), (middle - 19.4, 11)):
            corners = [(notch - 8, edge), (notch, edge + depth), (notch + 8, edge)]
            axes.add_patch(Polygon(corners, facecolor="#f6f7f9", edgecolor="none"))
            axes.plot(*zip(*corners, strict=True), color=_WOOD_DARK, linewidth=1)


def _rounded(
    left: float, bottom: float, width: float, height: float, radius: float, face: str, edge: str
) -> FancyBboxPatch:
    shape = f"round,pad=0,rounding_size={radius}"
    return FancyBboxPatch((left, bottom), width, height, boxstyle=shape, facecolor=face, edgecolor=edge, linewidth=1)


def _wrapped(text: str, most: int) -> list[tuple[str, str]]:
    lines = textwrap.wrap(text, 25, max_lines=most, placeholder="…") or [""]
    return [("value", line) for line in lines]


def _cut(text: str, kind: str) -> str:
    most = {"big": 11, "name": 29}.get(kind, 26)
    return text if len(text) <= most else text[: most - 1] + "…"


def _short(digest: str) -> str:
    return f"{digest[:10]}…{digest[-8:]}" if len(digest) > 20 else digest


def _caption(story: Story) -> str:
    """Words for readers who do not see the picture; quotes and angles cannot leave the attribute."""
    score = "" if story.score is None else f"score {story.score.points}, "
    text = f"One decision from event to proof: {story.stream} event, {len(story.labels)} labels, {score}"
    return "".join(" " if mark in '"<>&' else mark for mark in f"{text}outcome {story.outcome}, reasons, proof")
