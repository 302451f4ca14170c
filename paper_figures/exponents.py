"""Fitted exponents with their intervals against the regions that were predicted.

python paper_figures/exponents.py     reads verdicts.json

A line for each claim about an exponent, a marker for each ladder, grey the region. Filled: the interval lies in the
region (supported); hollow: outside (not supported); grey filling: cannot tell. Arrow: the interval goes on, endlessly
or too far for the axis.
"""

from __future__ import annotations

import math
import textwrap
from itertools import groupby

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style

ENDS = ("estimate", "lower", "upper")
RULES = ("exponent in N", "exponent in n, median layer", "exponent in D/N", "p", "p, median layer",
         "difference of exponents")  # fmt: skip
"""What a rule must be about to be drawn here: pure numbers of one kind."""

FILLS = {"supported": None, "not supported": "white", "cannot tell": "#BBBBBB"}
LANES = 0.22
FAR = 1.0
"""From an estimate: ends further away do not widen the axis."""


def region(text: str) -> tuple[float, float]:
    """The ends of a region as it is printed.

    >>> region("< 0"), region("0.4 to 0.6"), region("> 1")
    ((-inf, 0.0), (0.4, 0.6), (1.0, inf))
    """
    if text[0] in "<>":
        end = float(text[1:])
        return (-math.inf, end) if text[0] == "<" else (end, math.inf)
    low, high = text.split(" to ")
    return float(low), float(high)


def _claim(axes: Axes, place: int, rows: list[results.Row]) -> None:
    low, high = axes.get_xlim()
    left, right = region(rows[0]["predicted"])
    axes.barh(place, min(right, high) - max(left, low), 0.9, max(left, low), color="#E4E4E4", label="predicted")
    for lane, row in enumerate(rows):
        look, lane_place = style.ladder(row["ladder"]), place + LANES * (lane - (len(rows) - 1) / 2)
        ends = [low if row["lower"] is None else max(low, row["lower"]),
                high if row["upper"] is None else min(high, row["upper"])]  # fmt: skip
        axes.errorbar(row["estimate"], lane_place, xerr=[[row["estimate"] - ends[0]], [ends[1] - row["estimate"]]],
                      capsize=1.5, markerfacecolor=FILLS[row["verdict"]] or look["color"],
                      **look | {"linestyle": "none", "label": None})  # fmt: skip
        for shown, end, arrow in zip(ends, (row["lower"], row["upper"]), "<>", strict=True):
            if shown != end:
                axes.plot(shown, lane_place, arrow, color=look["color"], markersize=4, clip_on=False)


def draw(verdicts: results.Result) -> Figure:
    """A line for each claim."""
    judged = [row for row in verdicts["rows"] if row["rule"] in RULES and row.get("estimate") is not None]
    if not judged:
        raise results.NotDrawn("no verdict that is stored is about an exponent")
    claims = {claim: list(rows) for claim, rows in groupby(judged, key=lambda row: row["claim"])}
    ends = [end for row in judged for end in map(row.get, ENDS)
            if end is not None and abs(end - row["estimate"]) <= FAR] + [0.0]  # fmt: skip
    margin = 0.06 * (max(ends) - min(ends))
    with style.figure(style.PAGE, 0.9 + 0.26 * len(claims)) as figure:
        axes = figure.subplots()
        axes.set(xlim=(min(ends) - margin, max(ends) + margin), ylim=(len(claims) - 0.4, -0.6))
        for place, rows in enumerate(claims.values()):
            _claim(axes, place, rows)
        for ladder in dict.fromkeys(row["ladder"] for row in judged):
            axes.plot([], [], **style.ladder(ladder) | {"linestyle": "none"})
        for verdict, fill in FILLS.items():
            axes.plot([], [], "D", color=style.BLACK, markerfacecolor=fill or style.BLACK, label=verdict)
        axes.axvline(0, color=style.BLACK, linewidth=0.6)
        axes.set_yticks(range(len(claims)), [textwrap.fill(claim, 44) for claim in claims], linespacing=0.95)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("exponent of N, D/N or n; p where the claim is about N^-p or i^-p")
        style.legend(figure)
    return figure


if __name__ == "__main__":
    results.main(draw, "exponents")
