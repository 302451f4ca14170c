"""The figures: what they show is what is stored, they are legible, and equal input gives equal bytes.

Results of the scaling study are invented (`synthetic_results`); the others are the stored ones.
"""

from __future__ import annotations

import importlib
import itertools
import json
import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import pytest
import synthetic_results
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from genbound.report import style
from genbound.scaling import quantities as q

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "paper_figures").glob("*.py") if "def draw(" in path.read_text())
INVENTED = ("measurements", "fits", "verdicts")


def script(name: str) -> Any:
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "paper_figures"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results: invented ones, and links to what is stored for the other figures."""
    folder = tmp_path_factory.mktemp("results")
    for name in INVENTED:
        (folder / f"{name}.json").write_text(json.dumps(getattr(synthetic_results, name)()))
    for name in ("demo", "description_length", "rates", "prefix_curve", "requential"):
        (folder / f"{name}.json").symlink_to(ROOT / "experiments" / "results" / f"{name}.json")
    return folder


@cache
def drawn(name: str, folder: Path) -> Figure:
    figure = script("results").drawn(script(name).draw, folder)
    figure.set_dpi(72)
    figure.canvas.draw()
    return figure


def boxes(texts: list[Text], figure: Figure) -> list[Any]:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    return [text.get_window_extent(canvas.get_renderer()) for text in texts if text.get_visible() and text.get_text()]


def test_make_figures_draws_all_of_them() -> None:
    assert sorted(script("draw").SCRIPTS) == SCRIPTS
    assert len(SCRIPTS) >= 13


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_figure_is_legible(name: str, stored: Path) -> None:
    """At its printed width: letters of 7 points, nothing cut off, no label upon another, no legend upon a panel."""
    figure = drawn(name, stored)
    assert figure.get_figwidth() in (style.COLUMN, style.PAGE)
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_visible()]
    assert min(text.get_fontsize() for text in texts if text.get_text()) >= 7
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            ticks = [t for t in axis.get_major_ticks() if low - slack <= t.get_loc() <= high + slack]
            labels = boxes([tick.label1 for tick in ticks], figure)
            assert len(labels) >= 2 or not axis.get_label_text(), (name, axis.get_label_text())
            for one, other in itertools.combinations(labels, 2):
                assert not one.padded(-0.5).overlaps(other.padded(-0.5)) or ticks[0].label1.get_rotation(), name
            for box in [*labels, *boxes([axis.label, axes.title], figure)]:
                assert figure.bbox.padded(1).contains(box.x0, box.y0), name
                assert figure.bbox.padded(1).contains(box.x1, box.y1), name
    (legend,) = figure.legends
    frame = legend.get_window_extent(canvas.get_renderer())
    assert figure.bbox.padded(1).contains(frame.x0, frame.y0)
    assert figure.bbox.padded(1).contains(frame.x1, frame.y1)
    assert not any(frame.padded(-1).overlaps(axes.get_window_extent()) for axes in figure.axes)


def shape(handle: Any) -> tuple[Any, ...]:
    """What is left of an entry of a legend without hues."""
    if isinstance(handle, Line2D):
        fill = str(handle.get_markerfacecolor())
        return handle.get_marker(), handle.get_linestyle(), fill if fill in ("white", "#BBBBBB") else "dark"
    return type(handle).__name__, str(handle.get_hatch() or "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_told_apart_by_colour_alone(name: str, stored: Path) -> None:
    (legend,) = drawn(name, stored).legends
    shapes = [shape(handle) for handle in legend.legend_handles]
    assert len(shapes) == len(set(shapes)), [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("name", ["breakdown", "exponents"])
def test_equal_input_gives_equal_bytes(name: str, stored: Path, tmp_path: Path) -> None:
    """Whatever the user's settings, and in another process; the settings are left as they were."""
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 5}):
        before = dict(matplotlib.rcParams)
        script("results").main(script(name).draw, name, ["--results", str(stored), "--out", str(tmp_path / "here")])
        assert dict(matplotlib.rcParams) == before
    command = [sys.executable, str(ROOT / "paper_figures" / f"{name}.py"), "--results", str(stored), "--out"]
    subprocess.run([*command, str(tmp_path / "there")], check=True, env={"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"})
    for kind in ("pdf", "png"):
        one, other = ((tmp_path / place / f"{name}.{kind}").read_bytes() for place in ("here", "there"))
        assert one == other
        assert b"Date" not in one
    assert {path.suffix for path in (tmp_path / "here").iterdir()} == {".pdf", ".png"}


def test_an_interval_without_an_end_is_drawn_with_an_arrow(stored: Path) -> None:
    verdicts = json.loads((stored / "verdicts.json").read_text(encoding="utf-8"))
    exponents = [row for row in verdicts["rows"] if row["rule"] == "exponent in N"]
    exponents[0]["upper"] = None
    figure = script("exponents").draw({**verdicts, "rows": exponents})
    (axes,) = figure.axes
    (arrow,) = (line for line in axes.lines if line.get_marker() == ">")
    assert arrow.get_xdata() == pytest.approx([axes.get_xlim()[1]])
    assert len(axes.containers) == len(exponents) + len({row["claim"] for row in exponents})  # intervals, regions


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("ladder", "rates", "prefix_curve")])
def test_what_is_not_there_is_not_drawn(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    script("results").main(script(name).draw, name, ["--results", str(empty), "--out", str(out)])
    said = capsys.readouterr().err
    assert said.startswith(f"{name}: not drawn: ")
    assert "made by: python experiments/" in said or "made by: genbound demo" in said
    assert not out.exists()


def test_a_model_without_training_data_is_drawn_where_it_can_be(tmp_path: Path) -> None:
    """Alone it has a variation and a quantization error, but no bound."""
    stranger = synthetic_results.measurements()["rows"][-1]
    (tmp_path / "measurements.json").write_text(json.dumps({"rows": [stranger]}))
    for name in ("loss_variation", "quantization_error"):
        assert drawn(name, tmp_path).axes
    for name in ("bound_against_loss", "breakdown", "information", "spectra", "off_frontier"):
        with pytest.raises(script("results").NotDrawn, match="no row that is stored"):
            script("results").drawn(script(name).draw, tmp_path)


def test_the_bars_add_up_to_the_gap(stored: Path) -> None:
    """Each pair: finzi_bound, then geometric_mean, the mean over the seeds; negative rows stand below zero."""
    rows = [row for row in synthetic_results.measurements()["rows"] if row["ladder"] == "sotu"]
    axes = drawn("breakdown", stored).axes[0]
    heights: dict[float, list[float]] = {}
    for bar in axes.patches:
        heights.setdefault(round(bar.get_x() + bar.get_width() / 2, 6), []).append(bar.get_height())
    for place, name in enumerate(dict.fromkeys(row["name"] for row in rows)):
        for side, bound in ((-1, "finzi_bound"), (1, "geometric_mean")):
            gaps = [row["bounds"][0]["bounds"][bound] - row["loss_train"] for row in rows if row["name"] == name]
            assert math.isclose(sum(heights[round(place + side * 0.205, 6)]), sum(gaps) / len(gaps), rel_tol=1e-9)
    below = [bar for bar in axes.patches if bar.get_height() < 0]
    assert len(below) == 8
    assert all(bar.get_y() == 0 for bar in below)


def test_codes_that_nobody_made_are_not_in_the_legend(stored: Path, tmp_path: Path) -> None:
    """The transcripts of the 10k model are stored: their mark is there, at the nats of the run with the least bound."""
    runs = json.loads((stored / "requential.json").read_text())["runs"]
    best = min((run for run in runs if run["model"] == "10k"), key=lambda run: run["bound"])
    figure = drawn("information", stored)
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() == "v" and len(line.get_xdata())]
    assert best["code_nats"] in [y for line in marks for y in line.get_ydata()]
    (tmp_path / "measurements.json").symlink_to(stored / "measurements.json")
    labels = [
        {text.get_text() for text in each.legends[0].get_texts()} for each in (figure, drawn("information", tmp_path))
    ]
    assert labels[0] - labels[1] >= {"requential transcript", "shortest description"}
    assert "GPTQ code" in labels[0] & labels[1]


def test_a_line_runs_through_the_means_of_the_seeds() -> None:
    with style.figure(3.25, 2) as figure:
        axes = figure.subplots()
        style.line(axes, [(2, 5.0), (1, 1.0), (1, 3.0)], color="k")
    through, seeds = axes.get_lines()
    assert (list(through.get_xdata()), list(through.get_ydata())) == ([1, 2], [2.0, 5.0])
    assert list(seeds.get_ydata()) == [1.0, 3.0]


def test_ratios_and_shortest_descriptions_by_hand(stored: Path) -> None:
    row = {"loss_train": 1.0, "bounds": [
        {"code": "ldlq", "bounds": {"finzi_bound": 1.1, "floor": 1.05}},
        {"code": "gptq", "bounds": {"finzi_bound": 2.0, "floor": 1.5, "geometric_mean": None}},
    ]}  # fmt: skip
    assert script("gap_ratio").ratio(row, "finzi_bound") == 2.0
    assert script("gap_ratio").ratio(row, "geometric_mean") is None
    assert q.bound("finzi_bound", "ldlq")(row) == 1.1
    studied = json.loads((stored / "description_length.json").read_text())
    found = q.shortest(studied, {"ladder": "sotu", "seed": 0, "name": "10k"})
    assert found["bound"] == studied["best_without_other_text"]["10k"]["bound"]
    assert 0 < found["code_nats"] < 10120 * 1.5 * math.log(2)
    assert q.shortest(studied, {"ladder": "sotu", "seed": 1, "name": "10k"}) is None


def test_the_law_that_is_asked_for_is_drawn_if_it_was_fitted() -> None:
    fits, fit = synthetic_results.fits(), script("results").fit
    assert fit(fits, "sigma", "sotu", "saturating")["law"] == "saturating"
    assert fit(fits, "sigma", "python-bpe", "saturating")["law"] == "power"
    assert fit(fits, "loss_heldout", "python-bytes+off-frontier", "chinchilla") is None
    assert fit(None, "sigma", "sotu", "power") is None


def test_published_laws_are_drawn_as_published(stored: Path) -> None:
    published = script("loss_variation").published
    assert math.isclose(published(1e9), 0.27 + 8337 * 1e9**-0.54)
    line = next(line for line in drawn("loss_variation", stored).axes[1].get_lines()
                if str(line.get_label()).startswith("published, "))  # fmt: skip
    sizes = list(line.get_xdata())
    assert math.isclose(sizes[0], 7e7)
    assert math.isclose(sizes[-1], 1.2e10)


def test_regions_are_read_as_they_are_printed() -> None:
    from genbound.scaling.verdicts import Prediction

    for ends in ((-math.inf, 0.0), (0.4, 0.6), (-1.05, -0.95), (1.0, math.inf)):
        assert script("exponents").region(Prediction("", "", *ends).region) == ends


def test_the_table_of_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewed between its markers, twice the same; what is repeated is named once."""
    rows = synthetic_results.verdicts()["rows"]
    lines = script("verdict_table").table({"rows": [rows[6], rows[7], rows[-1] | {"claim": "a | b"}]})
    assert lines[2:] == [
        "| Sigma = c + a N^-p with p = .54, within .1 | sotu, 8 sizes | p: 0.44 to 0.64 | 0.2 [0.1, 0.3] "
        "| not supported |",
        "|  | python-bytes, 8 sizes |  | 0.21 [0.11, 0.31] | not supported |",
        r"| a \| b | off-frontier | exponent in D/N: -1.05 to -0.95 | 2 different sizes: need 3 for a slope "
        "| cannot tell |",
    ]
    verdicts, readme = script("verdict_table"), tmp_path / "README.md"
    readme.write_text(f"before\n{verdicts.BEGIN}\nold\n{verdicts.END}\nafter\n")
    monkeypatch.setattr(script("readme"), "README", readme)
    monkeypatch.setattr(script("results"), "read", lambda name: {"verdicts": {"rows": rows}}[name])
    for _ in range(2):
        verdicts.main()
        text = readme.read_text()
        assert text.startswith(f"before\n{verdicts.BEGIN}\n| claim |")
        assert text.endswith(f"\n{verdicts.END}\nafter\n")
        assert "old" not in text
        assert len(text.splitlines()) == 4 + 2 + len(rows)
