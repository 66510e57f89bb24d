"""A drawing of the bins of a column."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tallystick.models.binning.variable import Variable
from tallystick.models.binning.words import WORDS

_SHARE, _RATE, _SAFE, _RISKY = "#b9c6d3", "#b3402e", "#3f7d5a", "#b3402e"
_SHORT, _LONGEST = 8, 24


def draw(variable: Variable) -> Figure:
    """The bins of a column: shares and event rates above, weights of evidence below.

    Returns
    -------
    matplotlib.figure.Figure
        Of no display: `figure.savefig(path)` writes it on any machine.
    """
    rows, events, woe = np.asarray(variable.rows), np.asarray(variable.events), np.asarray(variable.woe)
    seen = np.flatnonzero((rows > 0.0) | (np.arange(variable.size) <= len(variable.edges)))
    texts = [variable.bin_text(int(i)) for i in seen]
    place = np.arange(seen.size)
    figure = Figure(figsize=(max(5.0, 1.0 + 0.75 * seen.size), 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.bar(place, rows[seen] / rows.sum(), color=_SHARE, width=0.8)
    above.set_ylabel(WORDS("plot.rows").text())
    above.set_title(WORDS("plot.title", name=variable.feature.name, iv=f"{variable.iv:.4f}").text())
    rate = above.twinx()
    known = rows[seen] > 0.0
    values = known & (seen <= len(variable.edges))
    # Special values and missing have no neighbours: points without a line.
    for chosen, line in ((values, "-"), (known & ~values, "none")):
        rate.plot(place[chosen], events[seen][chosen] / rows[seen][chosen], color=_RATE, marker="o", linestyle=line)
    rate.set_ylim(bottom=0.0)
    rate.set_ylabel(WORDS("plot.rate").text(), color=_RATE)
    below.bar(place, woe[seen], color=[_SAFE if w >= 0.0 else _RISKY for w in woe[seen]], width=0.8)
    below.axhline(0.0, color="black", linewidth=0.8)
    below.set_ylabel(WORDS("plot.woe").text())
    shown = [text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…" for text in texts]
    long = max(map(len, shown)) > _SHORT
    below.set_xticks(place, shown, rotation=30 if long else 0, ha="right" if long else "center")
    return figure
