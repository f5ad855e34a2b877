"""Figures of robustness runs: the numbers are the table's, and warnings are stamped where they
belong."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from scipy import stats

from isoloss.cli.main import main
from isoloss.cli.run_verbs import draw_figures
from isoloss.errors import IsolossError
from isoloss.figures.robustness.accuracy import accuracy_figure
from isoloss.figures.robustness.certified import certified_figure, certified_fractions
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.drawing import draw_robustness, write_usual
from isoloss.figures.robustness.gallery import square_pixels
from isoloss.figures.robustness.maps import heat, map_figure, map_label
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.robustness.saved_images import read_saved_images
from isoloss.figures.robustness.series import by_defense, series_of
from isoloss.figures.robustness.stamps import Stamps
from isoloss.figures.robustness.strips import difference, strip_figure
from isoloss.figures.sheet import Sheet
from isoloss.files import write_json
from isoloss.results.certificates import (
    CertificateRow,
    read_certificates,
    write_certificates,
)
from isoloss.results.radii import radius_label
from isoloss.results.tables import EvaluationWarning, Report, Row, write_report, write_table
from isoloss.run import Run
from isoloss.run_folder import CERTIFICATES
from isoloss.scene.appearance import Appearance
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings

MILLIMETRE = 72 / 25.4
SHEET = Sheet(85 * MILLIMETRE, None, 8, 72)
LIGHT = replace(Appearance(), theme="light")
EPS = (0.0, 0.005, 0.03, 0.5)


def row(attack, eps, correct, samples=50, network="net", sigma=math.nan, seed=0, **more):
    low, high = stats.binomtest(correct, samples).proportion_ci(0.95, "exact")
    share = correct / samples
    kind = {"defense": "none" if math.isnan(sigma) else "denoised", "norm": "linf", **more}
    return Row(
        network=network, sigma=sigma, attack=attack, eps=eps, seed=seed, samples=samples,
        correct=correct, accuracy=share, low=low, high=high, **kind,
    )  # fmt: skip


def curve(attack, counts, **more):
    return [row(attack, eps, k, **more) for eps, k in zip(EPS, counts, strict=True)]


PLAIN = curve("pgd", (49, 40, 10, 0)) + curve("square", (49, 48, 30, 5))
BEHIND = [
    row_
    for sigma, less in ((0.25, 0), (0.5, 3))
    for attack, counts in (("transfer", (45, 44, 40, 6)), ("eot", (45, 40, 20, 3)))
    for row_ in curve(attack, [c - less for c in counts], sigma=sigma, votes=10)
]


def made(folder, kind, rows, warnings=(), *, finished=True, data="d1", facts=None):
    """A run's folder with a table and, if it is finished, a report."""
    asked = {"source": "digits-classifier", "data": "digits"}
    asked |= {} if kind is AttackSettings else {"denoiser": "digits-denoiser"}
    run = Run.create(folder, kind(**asked))
    run.record_environment(depends_on={"data": data})
    write_table(run.table_path, list(rows))
    if finished:
        known = {"chance": 0.1, "data": "digits", **(facts or {})}
        write_report(run.report_path, Report("It is so.", tuple(warnings), (), known))
    return folder


def drawn(*folders, by="majority", sheet=SHEET, look=LIGHT):
    return accuracy_figure([read_run_results(f) for f in folders], sheet, look, "", by)


def plots(figure):
    return [a for a in figure.axes if a.get_lines()]


def lines(plot, name):
    """{colour and mark: (x, y)} of lines by what they are."""
    return [line for line in plot.get_lines() if line.get_gid() == name]


def signs(figure):
    """What is stamped: (number, whether in a plot)."""
    inside = [t for plot in figure.axes for t in plot.texts if t.get_gid() == "stamp"]
    alone = [t for t in figure.texts if t.get_gid() == "stamp"]
    return sorted(t.get_text() for t in (*inside, *alone))


def words(figure):
    found = [t.get_text() for t in figure.texts]
    found += [t.get_text() for plot in figure.axes for t in plot.texts]
    found += [t.get_text() for legend in figure.legends for t in legend.get_texts()]
    return [text.replace("\u00a0", " ") for text in found]


def whiskers(plot):
    """(eps, low, high) of all intervals of a plot."""
    return {
        (round(float(x), 9), round(float(lo), 9), round(float(hi), 9))
        for bars in plot.collections
        for (x, lo), (_, hi) in bars.get_segments()
    }


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


def certification(folder, **more):
    rng = np.random.default_rng(1)
    certificates = [
        CertificateRow("net", 0.25, 0, k, k % 3, -1 if k % 9 == 0 else (k % 3 if k % 7 else 5),
                    0.0 if k % 9 == 0 else float(rng.uniform(0, 0.6)), k % 3)
        for k in range(40)
    ]  # fmt: skip
    rows = [
        row("certificate", r, sum(c.is_right and c.radius >= r for c in certificates), 40,
            sigma=0.25, norm="l2", votes=1000)
        for r in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]  # fmt: skip
    made(folder, CertifySettings, rows, **more)
    write_certificates(folder / CERTIFICATES, certificates)
    return folder, certificates, rows


def test_certified_accuracy_is_the_share_at_every_radius(tmp_path):
    folder, certificates, rows = certification(tmp_path / "run")
    assert read_certificates(folder / CERTIFICATES) == certificates
    findings = [read_run_results(folder)]
    ((radii, fractions),) = certified_fractions(series_of(findings)[0], findings)
    for radius in (0.0, 0.1, 0.3, *(c.radius for c in certificates[:9])):
        right = sum(c.is_right and c.radius >= radius for c in certificates) / 40
        # Left-continuous: at a radius its own image still counts.
        assert fractions[np.searchsorted(radii[1:], radius, "left")] == pytest.approx(right)
    figure = certified_figure(findings, SHEET, LIGHT, "")
    (plot,) = plots(figure)
    (limit,) = lines(plot, "limit")
    # 1,000 draws at σ = .25 and α = .001 (SCIENCE: .616).
    assert limit.get_xdata()[0] == pytest.approx(0.616, abs=5e-4)
    (marks,) = lines(plot, "curve")
    seen = [r for r in rows if r.eps <= plot.get_xlim()[1]]
    np.testing.assert_array_equal(marks.get_xydata(), [(r.eps, r.accuracy) for r in seen])
    assert whiskers(plot) == {(r.eps, round(r.low, 9), round(r.high, 9)) for r in seen}
    (step,) = lines(plot, "steps")
    assert step.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(step.get_ydata()[:-1], fractions)
    assert plot.get_xlabel() == "radius in L2"


def test_a_certification_has_an_axis_of_its_own(tmp_path):
    folder, _, _ = certification(tmp_path / "cert")
    attacked = made(tmp_path / "attack", AttackSettings, PLAIN)
    with pytest.raises(IsolossError, match="cert is a certification"):
        draw_robustness([folder], None, Choice("accuracy"), LIGHT)
    with pytest.raises(IsolossError, match="attack certifies nothing"):
        draw_robustness([attacked], None, Choice("certified"), LIGHT)


def keep(folder, *, maps=True, defended=False):
    """Kept images of a run: two 8×8 images, attacked at two radii."""
    rng = np.random.default_rng(0)
    clean = rng.uniform(0.2, 0.8, (2, 3, 8, 8)).astype(np.float32)
    eps = [0.0, 0.05, 0.1]
    moved = np.stack([np.clip(clean + e * np.sign(clean - 0.5), 0, 1) for e in eps])
    files = []

    def save(which, attack, images, radii, predicted):
        many = len(radii), 2
        content = {
            "images": images, "predicted": np.array(predicted, np.int64),
            "confidence": np.full(many, 0.875, np.float32),
        }  # fmt: skip
        if defended:
            content |= {"noisy": images * 2 - 0.5, "denoised": images * 0.5}
        if maps:
            k = len(radii)
            content["map last features"] = rng.random((k, 2, 4, 4)).astype(np.float16)
            content["map channel gate: layer1.2.cbam"] = rng.random((k, 2, 6)).astype(np.float16)
            content["map attention: stages.2.blocks.4.attn"] = rng.random((k, 2, 4, 4)).astype(
                np.float16
            )
            for name in [n for n in content if n.startswith("map ")]:
                content[name.replace("map ", "drift ")] = np.array(radii, np.float32)[
                    :, None
                ] * np.array([1.0, 2.0], np.float32)
        name = f"{which:04d}.safetensors"
        (folder / "examples").mkdir(exist_ok=True)
        save_file(content, folder / "examples" / name)
        files.append({
            "file": name, "network": "net", "defense": "denoised" if defended else "none",
            "sigma": 0.25 if defended else None, "attack": attack, "norm": "linf", "seed": 0,
            "eps": radii,
        })  # fmt: skip

    if defended:
        save(0, "clean", moved[:1], [0.0], [[0, 1]])
        save(1, "eot", moved[1:], eps[1:], [[0, 1], [2, 1]])
    else:
        save(0, "pgd", moved, eps, [[0, 1], [0, 1], [2, 1]])
    write_json(folder / "examples" / "examples.json", {
        "schema": 1, "data": "digits", "classes": ["cat", "dog", "a frog, green"],
        "images": [31, 7], "labels": [0, 1], "files": files,
    })  # fmt: skip
    return clean, moved


@pytest.mark.parametrize("defended", [False, True])
def test_strips_show_what_was_kept(tmp_path, defended):
    kind = DefendSettings if defended else AttackSettings
    folder = made(tmp_path / "run", kind, BEHIND if defended else PLAIN)
    clean, moved = keep(folder, defended=defended)
    findings = read_run_results(folder)
    kept = read_saved_images(findings, Choice())
    assert kept.eps == (0.0, 0.05, 0.1)
    assert kept.place(None) == 0, "the one that is fooled"
    shot = kept.shot(0.1, 0)
    np.testing.assert_array_equal(shot.clean, np.moveaxis(clean[0], 0, -1))
    np.testing.assert_array_equal(shot.attacked, np.moveaxis(moved[2, 0], 0, -1))
    added = difference(shot)
    assert added.gain == 5
    np.testing.assert_allclose(added.picture, 0.5 + 5 * (shot.attacked - shot.clean), atol=1e-6)
    assert not shot.is_right
    figure = strip_figure(findings, Choice(), SHEET, LIGHT, "")
    texts = words(figure)
    for text in ("0, clean", "0.05", "0.1", "✓ cat", "✗ a frog, green", "88 %", "× 5", "× 10"):
        assert any(text in each for each in texts), text
    pictures = [a for a in figure.axes if a.get_images()]
    assert len(pictures) == (3 + 3 + 3 + 2 if defended else 3 + 2)
    shown = pictures[2].get_images()[0].get_array()
    np.testing.assert_array_equal(shown, square_pixels(np.moveaxis(moved[2, 0], 0, -1)))
    by_image = strip_figure(findings, Choice(eps=0.1, what="examples"), SHEET, LIGHT, "")
    assert {"cat", "dog", "clean", "adversarial", "difference"} <= set(words(by_image))
    right, wrong = (
        next(t for t in by_image.texts if t.get_text().startswith(sign)) for sign in "✓✗"
    )
    assert right.get_color() != wrong.get_color()


def test_pixels_are_squares_of_pixels():
    picture = np.zeros((8, 8, 1), np.float32)
    picture[2, 3] = 1
    pixels = square_pixels(picture)
    assert pixels.shape == (256, 256, 3)
    assert (pixels[64:96, 96:128] == 255).all()
    assert pixels.sum() == 32 * 32 * 3 * 255
    assert square_pixels(np.zeros((384, 192, 3))).shape == (256, 128, 3)


def test_maps_are_drawn_with_their_drift(tmp_path):
    folder = made(
        tmp_path / "run", AttackSettings, PLAIN, [EvaluationWarning("x", "doubtful", "net")]
    )
    keep(folder)
    figure = map_figure(read_run_results(folder), Choice(), Sheet(505, None, 8, 72), LIGHT, "")
    texts = words(figure)
    for text in (
        "last features",
        "stages.2.blocks.4 attention",
        "layer1.2 channels",
        "0.1",
        "drift",
    ):
        assert text in texts, text
    kept = read_saved_images(read_run_results(folder), Choice())
    own = [line for plot in figure.axes for line in lines(plot, "drift")]
    others = [line for plot in figure.axes for line in lines(plot, "drift of another")]
    assert len(own) == len(others) == 3
    for line in own:
        np.testing.assert_allclose(line.get_xydata(), [(0, 0), (0.05, 0.05), (0.1, 0.1)], atol=1e-7)
    for line in others:
        np.testing.assert_allclose(line.get_ydata(), [0, 0.1, 0.2], atol=1e-7)
    gates = [line for plot in figure.axes for line in lines(plot, "gates")]
    clean = kept.shot(0.0, 0).maps["channel gate: layer1.2.cbam"]
    for line, eps in zip(gates, kept.eps, strict=True):
        values = kept.shot(eps, 0).maps["channel gate: layer1.2.cbam"]
        np.testing.assert_array_equal(line.get_ydata(), values[np.argsort(clean)])
    assert signs(figure) == ["1"]


def test_heat_is_of_the_rows_largest_value():
    from isoloss.scene.colormaps import colormap

    magma = colormap("magma") / 255
    seen = heat(np.array([[0.0, 2.0], [4.0, math.nan]], np.float32), 4.0)
    np.testing.assert_allclose(seen[0], magma[[0, 128]], atol=1e-6)
    np.testing.assert_allclose(seen[1], [magma[255], [0.5] * 3], atol=1e-6)
    assert map_label("spatial gate: layer4.2.cbam") == "layer4.2 places"


def test_a_run_that_is_not_finished_says_so(tmp_path):
    rows = [*PLAIN[:1], replace(PLAIN[1], accuracy=math.nan, low=math.nan, high=math.nan)]
    folder = made(tmp_path / "run", AttackSettings, rows, finished=False)
    figure = drawn(folder)
    (plot,) = plots(figure)
    (line,) = lines(plot, "curve")
    np.testing.assert_array_equal(line.get_xydata(), [(0.0, 0.98)])
    assert "run is not finished, and not checked yet." in " ".join(words(figure))
    assert not lines(plot, "chance")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "robustness.csv").unlink(), "has found nothing yet: resume it with"),
        (lambda f: (f / "robustness.csv").write_text("a,b\n1,2\n"), "is no table of a robustness"),
        (lambda f: write_table(f / "robustness.csv", []), "has no accuracies"),
        (lambda f: write_table(f / "robustness.csv", [replace(PLAIN[0], accuracy=3.0)]),
         "says that accuracy is 3 .* it is damaged"),
        (lambda f: write_table(f / "robustness.csv", [replace(PLAIN[0], eps=math.inf)]),
         "it is damaged"),
        (lambda f: (f / "report.json").write_text("{"), "report.json"),
        (lambda f: (f / "certificates.csv").write_text("network\nx\n"), "holds no certificates"),
    ],
)  # fmt: skip
def test_damaged_runs_are_refused_in_one_line(tmp_path, spoil, message, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    spoil(folder)
    assert main(["render", str(folder), "--out", str(tmp_path / "x.png")]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--what", "examples"], "has saved no images"),
        (["--what", "maps"], "has saved no images"),
        (["--what", "certified"], "certifies nothing"),
        (["--eps", "0.1"], "a figure of accuracy has no --eps"),
        (["--azimuth", "3"], "has no --azimuth"),
        (["--turntable"], "has no --turntable"),
        (["--contours", "3"], "has no --contours"),
        (["--no-fill"], "has no --fill"),
        (["--out", "x.mp4"], "figures are PNG, SVG or PDF"),
        (["--size", "0x10"], "--size must be at least 1x1"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, words, message, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    out = [] if "--out" in words else ["--out", str(tmp_path / "x.png")]
    assert main(["render", str(folder), *out, *words]) == 2
    assert message in capsys.readouterr().err


def test_options_of_robustness_are_for_robustness(tmp_path, capsys):
    iris = Path(__file__).parents[3] / "data" / "surfaces" / "iris.ply"
    assert main(["render", str(iris), "--out", str(tmp_path / "x.png"), "--what", "maps"]) == 2
    assert "--what is for the folders of attacks" in capsys.readouterr().err
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    assert main(["render", str(folder), str(iris), "--out", str(tmp_path / "x.png")]) == 2
    assert "iris.ply is no attack" in capsys.readouterr().err


def test_a_network_without_maps_is_told(tmp_path):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    keep(folder, maps=False)
    with pytest.raises(IsolossError, match="has saved no maps of net"):
        draw_robustness([folder], None, Choice("maps"), LIGHT)
    with pytest.raises(IsolossError, match=r"no images at ε = 0\.2; there are 0, 0\.05, 0\.1"):
        draw_robustness([folder], None, Choice("examples", eps=0.2), LIGHT)
    with pytest.raises(IsolossError, match="image 5 is not saved; there are 31, 7"):
        draw_robustness([folder], None, Choice("examples", image=5), LIGHT)
    with pytest.raises(IsolossError, match="there are pgd on net"):
        draw_robustness([folder], None, Choice("examples", attack="square"), LIGHT)


def test_a_run_has_its_figures_once(tmp_path):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    keep(folder)
    wanted = {f"{n}.{s}" for n in ("accuracy", "examples", "maps") for s in ("png", "svg")}
    assert {p.name for p in write_usual(folder)} == wanted
    when = {p.name: p.stat().st_mtime_ns for p in (folder / "figures").iterdir()}
    assert set(when) == wanted
    list(write_usual(folder))
    assert {p.name: p.stat().st_mtime_ns for p in (folder / "figures").iterdir()} == when
    with Image.open(folder / "figures" / "accuracy.png") as picture:
        assert picture.width == pytest.approx(85 / 25.4 * 300, abs=1)


def test_a_figure_that_fails_costs_the_run_nothing(tmp_path, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    (folder / "figures").write_text("in the way")
    draw_figures(Run.open(folder))
    error = capsys.readouterr().err
    assert error.startswith("isoloss: no figures of run: ")
    assert error.count("\n") == 1


def test_stamps_say_each_thing_once():
    same = [EvaluationWarning("a", "so it is", "one"), EvaluationWarning("a", "so it is", "two")]
    stamps = Stamps.of_warnings(same)
    assert stamps.sentences == [("1", "So it is.")]
    assert stamps.sign(same) == "1"
