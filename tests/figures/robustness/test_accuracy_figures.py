"""Accuracy against ε: what is drawn, stamped and said is what the tables have."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from tests.figures.robustness.made_runs import (
    BEHIND,
    EPS,
    LIGHT,
    MILLIMETRE,
    PLAIN,
    certification,
    curve,
    drawn,
    lines,
    made,
    plots,
    signs,
    whiskers,
    words,
)

from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.drawing import draw_robustness
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.robustness.series import by_defense, series_of
from isoloss.figures.robustness.stamps import Stamps
from isoloss.results.radii import radius_label
from isoloss.results.tables import EvaluationWarning, write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings


def test_what_is_drawn_is_what_the_table_says(tmp_path):
    figure = drawn(made(tmp_path / "run", AttackSettings, PLAIN))
    (plot,) = plots(figure)
    curves = {tuple(line.get_xdata()): line for line in lines(plot, "curve")}
    assert set(curves) == {EPS}
    assert [list(line.get_ydata()) for line in lines(plot, "curve")] == [
        [r.accuracy for r in PLAIN if r.attack == attack] for attack in ("pgd", "square")
    ]
    wanted = {(r.eps, round(r.low, 9), round(r.high, 9)) for r in PLAIN}
    assert whiskers(plot) == wanted
    (chance,) = lines(plot, "chance")
    assert set(chance.get_ydata()) == {0.1}
    assert {"PGD", "Square", "net", "chance"} <= set(words(figure))
    assert "50 test images of digits; bars: exact 95 % intervals." in words(figure)


def test_the_worst_case_is_thick_and_behind_what_it_is_made_of(tmp_path):
    worst = curve("worst", (49, 39, 9, 0))
    figure = drawn(made(tmp_path / "run", AttackSettings, PLAIN + worst))
    (plot,) = plots(figure)
    (thick,), curves = lines(plot, "worst case"), lines(plot, "curve")
    assert len(curves) == 2
    assert list(thick.get_ydata()) == [k / 50 for k in (49, 39, 9, 0)]
    assert all(thick.get_linewidth() > 2 * c.get_linewidth() for c in curves)
    assert all(thick.get_zorder() < c.get_zorder() for c in curves)
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text() == "worst of all attacks"


@pytest.mark.parametrize(("worst", "count"), [((49, 40, 10, 0), 0), ((49, 40, 9, 0), 1)])
def test_of_one_attack_the_worst_case_is_not_drawn_twice(tmp_path, worst, count):
    rows = curve("pgd", (49, 40, 10, 0)) + curve("worst", worst)
    rows += curve("pgd", (49, 45, 20, 1), network="other")
    figure = drawn(made(tmp_path / "run", AttackSettings, rows))
    assert sum(len(lines(plot, "worst case")) for plot in plots(figure)) == count


@pytest.mark.parametrize(
    ("kind", "norm", "names", "ends"),
    [
        (AttackSettings, "linf", ("Wong2020Fast", "Carmon2019Unlabeled"), {0.4321, 0.5953}),
        (AttackSettings, "l2", ("Rice2020Overfitting",), {0.6768}),
        (AttackSettings, "linf", ("all",), None),
        (CertifySettings, "l2", ("Cohen2019Certified",), {0.266}),
    ],
)
def test_published_results_lie_thin_behind_ones_own(tmp_path, kind, norm, names, ends):
    rows = [replace(r, norm=norm) for r in PLAIN]
    facts = {"data": "cifar10"}
    folder = tmp_path / "run"
    if kind is CertifySettings:
        certification(folder, facts=facts)
    else:
        asked = AttackSettings(source="digits-classifier", data="cifar10", norm=norm)
        run = Run.create(folder, asked)
        write_table(run.table_path, rows)
    path = tmp_path / "f.svg"
    draw_robustness([folder], path, Choice(reference=names), LIGHT)
    drawn_svg = path.read_text(encoding="utf-8")
    count = len(ends) if ends is not None else 8
    assert drawn_svg.count('id="reference"') == count
    assert drawn_svg.index('id="reference"') < drawn_svg.index('id="curve"')
    assert "Grey: " in drawn_svg
    for name in names if ends is not None else ():
        assert name in drawn_svg
    before = (folder / "robustness.csv").read_bytes()
    assert not any(name.encode() in before for name in names)


def test_neither_end_of_the_axis_is_squeezed(tmp_path):
    (plot,) = plots(drawn(made(tmp_path / "run", AttackSettings, PLAIN)))
    at = plot.transAxes.inverted().transform(plot.transData.transform([(e, 0) for e in EPS]))[:, 0]
    np.testing.assert_allclose(
        np.diff(at) / np.diff(at).sum(), np.diff(np.arcsinh(np.array(EPS) / 0.005)) / 5.298342,
        rtol=1e-6,
    )  # fmt: skip
    assert np.diff(at).min() > 0.1
    assert [t.get_text() for t in plot.get_xticklabels()] == ["0", "0.005", "0.03", "0.5"]
    assert [radius_label(k / 255) for k in (0, 2, 8, 127.5)] == ["0", "2/255", "8/255", "0.5"]


def test_each_sigma_has_a_panel_with_the_undefended_network_in_it(tmp_path):
    folder = made(tmp_path / "run", DefendSettings, [*curve("pgd", (49, 9, 1, 0)), *BEHIND])
    figure = drawn(folder)
    titles = [t.get_text() for plot in plots(figure) for t in plot.texts if "net" in t.get_text()]
    assert titles == ["net, σ = 0.25", "net, σ = 0.5"]
    for plot, sigma in zip(plots(figure), (0.25, 0.5), strict=True):
        assert [list(line.get_ydata()) for line in lines(plot, "curve")] == [
            [0.98, 0.18, 0.02, 0.0],
            *([r.accuracy for r in BEHIND if (r.sigma, r.attack) == (sigma, attack)]
              for attack in ("transfer", "eot")),
        ]  # fmt: skip
        looks = [(line.get_marker(), line.get_color()) for line in lines(plot, "curve")]
        assert len(set(looks)) == len({mark for mark, _ in looks}) == 3
    text = " ".join(words(figure))
    assert "majority of 10 draws" in text
    assert "undefended, PGD" in text


def test_one_draw_and_the_worst_can_be_drawn_instead(tmp_path):
    judged = {
        "single_correct": 20, "single_accuracy": 0.4, "single_low": 0.3, "single_high": 0.5,
        "worst_correct": 5, "worst_accuracy": 0.1, "worst_low": 0.05, "worst_high": 0.2,
    }  # fmt: skip
    rows = [replace(r, **judged) for r in BEHIND[:4]]
    folder = made(tmp_path / "run", DefendSettings, rows)
    for by, share, ends in (("single", 0.4, (0.3, 0.5)), ("worst", 0.1, (0.05, 0.2))):
        (plot,) = plots(drawn(folder, by=by))
        (line,) = lines(plot, "curve")
        assert set(line.get_ydata()) == {share}
        assert whiskers(plot) == {(eps, *ends) for eps in EPS}


def test_seeds_are_put_together_without_pretending_to_more_images(tmp_path):
    rows = curve("pgd", (50, 40, 20, 0), seed=0) + curve("pgd", (48, 42, 10, 1), seed=1)
    (plot,) = plots(drawn(made(tmp_path / "run", AttackSettings, rows)))
    (mean,) = lines(plot, "curve")
    np.testing.assert_allclose(mean.get_ydata(), [0.98, 0.82, 0.3, 0.01])
    assert [list(line.get_ydata()) for line in lines(plot, "seed")] == [
        [1.0, 0.8, 0.4, 0.0], [0.96, 0.84, 0.2, 0.02],
    ]  # fmt: skip
    for eps in EPS:
        low = min(r.low for r in rows if r.eps == eps)
        high = max(r.high for r in rows if r.eps == eps)
        assert (eps, round(low, 9), round(high, 9)) in whiskers(plot)


def test_stamps_are_where_warnings_concern_what_is_drawn(tmp_path):
    warnings = [
        EvaluationWarning("a", "all of it is doubtful"),
        EvaluationWarning("b", "only EOT at one σ", "net", 0.25, "eot"),
        EvaluationWarning("c", "another network", "other", 0.25, "eot"),
        EvaluationWarning("d", "an attack that is not drawn", "net", None, "bpda"),
        EvaluationWarning("e", "transfer at any σ", "net", None, "transfer"),
    ]
    figure = drawn(made(tmp_path / "run", DefendSettings, BEHIND, warnings))
    concerned = [d for d in warnings if any(d.concerns(r) for r in BEHIND)]
    assert [d.id for d in concerned] == ["a", "b", "e"]
    first, second = plots(figure)
    stamped = [
        {
            (t.get_text(), t.get_bbox_patch().get_edgecolor())
            for t in plot.texts
            if t.get_gid() == "stamp"
        }
        for plot in (first, second)
    ]
    colors = {
        attack: color
        for attack, line in zip(("transfer", "eot"), lines(first, "curve"), strict=True)
        for color in [tuple(line.get_color())]
    }
    assert {text for text, _ in stamped[0]} == {"1", "2", "3"}
    assert {text for text, _ in stamped[1]} == {"1", "3"}
    assert ("2", colors["eot"]) in stamped[0]
    assert ("3", colors["transfer"]) in stamped[0]
    assert ("3", colors["transfer"]) in stamped[1]
    texts = words(figure)
    for sentence in ("All of it is doubtful.", "Only EOT at one σ.", "Transfer at any σ."):
        assert sentence in texts
    assert not any("another" in text or "not drawn" in text for text in texts)


def test_what_one_run_s_checks_have_found_stays_with_the_other_s_same_curve(tmp_path):
    rows = curve("pgd", (49, 9, 1, 0))
    warnings = [EvaluationWarning("p", "PGD is masked", "net", None, "pgd")]
    one = made(tmp_path / "one", AttackSettings, rows, warnings)
    other = made(tmp_path / "other", AttackSettings, rows)
    for runs in ([one, other], [other, one]):
        assert "PGD is masked." in words(drawn(*runs))


def test_signs_and_words_keep_clear_of_curves_and_edges(tmp_path):
    long = "about transfer, in a sentence long enough to take several lines below so narrow a plot"
    warnings = [
        EvaluationWarning("b", "about EOT", "net", 0.25, "eot"),
        EvaluationWarning("p", "about PGD", "net", None, "pgd"),
        EvaluationWarning("t", long, "net", None, "transfer"),
    ]
    rows = [*curve("pgd", (49, 9, 1, 0)), *BEHIND]
    figure = drawn(made(tmp_path / "run", DefendSettings, rows, warnings))
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = figure.get_size_inches() * figure.dpi
    texts = [t for t in figure.texts if t.get_text()]
    texts += [t for plot in figure.axes for t in plot.texts]
    boxes = [t.get_window_extent(renderer) for t in texts]
    boxes += [plot.xaxis.label.get_window_extent(renderer) for plot in plots(figure)]
    boxes += [plot.yaxis.label.get_window_extent(renderer) for plot in plots(figure)]
    boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    for box in boxes:
        assert min(box.x0, box.y0) >= -0.5, box
        assert max(box.x1 - width, box.y1 - height) <= 0.5, box
    for k, one in enumerate(boxes):
        for other in boxes[k + 1 :]:
            assert not one.padded(-1).overlaps(other.padded(-1)), (one, other)
    for plot in plots(figure):
        marks = np.concatenate([
            line.get_transform().transform(line.get_xydata()) for line in lines(plot, "curve")
        ])  # fmt: skip
        for text in plot.texts:
            if text.get_gid() == "stamp":
                box = text.get_window_extent(renderer)
                assert not any(box.contains(*mark) for mark in marks)


def test_several_runs_share_an_axis_if_they_are_of_the_same_images(tmp_path):
    few = EvaluationWarning("few-samples", "few images")
    one = made(tmp_path / "one", AttackSettings, PLAIN, [few])
    two = made(tmp_path / "two", DefendSettings, [*PLAIN[:4], *BEHIND])
    groups = by_defense(series_of([read_run_results(one), read_run_results(two)]))
    assert [[s.attack for s in g.series] for g in groups] == [
        ["pgd", "square", "transfer", "eot"],
        ["pgd", "square", "transfer", "eot"],
    ]
    figure = drawn(one, two)
    assert signs(figure) == ["1", "1"]
    assert "one: few images." in words(figure)
    other = [replace(r, correct=r.correct // 2, accuracy=r.accuracy / 2, low=0) for r in PLAIN[:4]]
    third = made(tmp_path / "third", AttackSettings, other)
    texts = words(drawn(one, third))
    assert "PGD (one)" in texts
    assert "PGD (third)" in texts
    elsewhere = made(tmp_path / "elsewhere", AttackSettings, PLAIN, data="d2")
    with pytest.raises(IsolossError, match="one and elsewhere are not of the same images"):
        drawn(one, elsewhere)
    with pytest.raises(IsolossError, match="given twice"):
        drawn(one, one)


@pytest.mark.parametrize(("width", "theme"), [(85.0, "light"), (178.0, "dark")])
def test_an_svg_has_text_and_the_width_of_a_column(tmp_path, width, theme):
    folder = made(tmp_path / "run", DefendSettings, BEHIND, [EvaluationWarning("x", "doubtful")])
    out = tmp_path / "x.svg"
    words = [str(folder), "--out", str(out), "--width-mm", str(width), "--theme", theme]
    assert main(["render", *words]) == 0
    root = ET.parse(out).getroot()
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(width * MILLIMETRE)
    svg = "{http://www.w3.org/2000/svg}text"
    texts = {" ".join("".join(t.itertext()).split()) for t in root.iter(svg)}
    assert {"Doubtful.", "1", "transfer", "EOT, exact gradients", "accuracy", "0.03"} <= texts
    assert "font-size: 8px" in out.read_text("utf-8")
    if theme == "light":
        before = out.read_bytes()
        assert main(["render", *words]) == 0
        assert out.read_bytes() == before


def test_stamps_say_each_thing_once():
    same = [EvaluationWarning("a", "so it is", "one"), EvaluationWarning("a", "so it is", "two")]
    stamps = Stamps.of_warnings(same)
    assert stamps.sentences == [("1", "So it is.")]
    assert stamps.sign(same) == "1"
