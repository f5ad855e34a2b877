"""Pages of numbers say what `report.md`, the table and the figures say, and no less."""

import base64
import html
import io
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from isoloss.errors import IsolossError
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.robustness.series import by_defense, series_of
from isoloss.figures.robustness.stamps import Stamps
from isoloss.files import write_json
from isoloss.geometry.surface import Surface
from isoloss.page.report.colours import Colours
from isoloss.page.report.curve import curve_page
from isoloss.page.report.images import Room, images_of
from isoloss.page.report.robustness import robustness_page
from isoloss.results.certificates import CertificateRow, write_certificates
from isoloss.results.tables import read_table
from isoloss.scene.layer import SurfaceLayer

EPS = (0.0, 0.005, 8 / 255, 0.5)


def text_of(page):
    """What is read: no tags, no signs of direction, spaces as they are typed."""
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\xa0", " "))


def charts(page):
    return [ElementTree.fromstring(svg) for svg in re.findall(r'<svg class="chart".*?</svg>', page)]


def points(chart):
    """[(name, facts, about)] of all that can be pointed at."""
    found = [g for g in chart.iter("g") if g.get("class") == "point"]
    return [json.loads(point.get("data-facts")) for point in found]


def tables(page):
    """{caption: [[cells of a row]]} of all tables of numbers."""
    found = {}
    for table in re.findall(r"<table>.*?</table>", page, flags=re.S):
        caption = re.search(r"<caption>(.*?)</caption>", table)
        rows = [
            [text_of(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", table)
        ]
        found.setdefault(text_of(caption[1]).strip() if caption else "", []).append(rows)
    return found


@pytest.fixture
def attack(evaluated_run):
    rows = [("pgd", (49, 40, 10, 0)), ("square", (49, 48, 30, 5)), ("noise", (49, 49, 49, 45)),
            ("worst", (49, 40, 9, 0))]  # fmt: skip
    return evaluated_run(
        "attack", rows, EPS, [("few-samples", "50 images leave much open", ""),
                              ("no-gradient", "the gradient is 0", "pgd")],
    )  # fmt: skip


def test_what_can_be_pointed_at_is_what_the_table_says(attack):
    (chart,) = charts(robustness_page([attack]))
    wanted = []
    for row in read_table(attack / "robustness.csv"):
        share = f"{100 * row.accuracy:.1f} %  ({100 * row.low:.1f} to {100 * row.high:.1f})"
        wanted.append((share, f"{row.correct} of {row.samples}"))
    said = [(dict(f)["accuracy"], dict(f)["images right"]) for _, f, _ in points(chart)]
    assert sorted(said) == sorted(wanted)
    assert {name for name, *_ in points(chart)} == {
        "PGD", "Square", "random noise", "worst of all attacks"
    }  # fmt: skip
    assert {dict(facts)["ε"] for _, facts, _ in points(chart)} == {"0", "0.005", "8/255", "0.5"}


def test_a_warning_is_said_first_and_stands_at_its_curve(attack):
    page = robustness_page([attack])
    text = text_of(page)
    first = text.index("It is so.")
    assert first < text.index("few-samples") < text.index("no-gradient") < text.index("Accuracy ag")
    assert "<details" not in page[: page.index("no-gradient")]
    (chart,) = charts(page)
    signs = {
        g.get("aria-label"): ["".join(s.itertext()) for s in g if s.get("class") == "sign"]
        for g in chart.iter("g")
        if (g.get("class") or "").startswith("series")
    }
    assert signs["PGD"] == ["2"]
    assert signs["Square"] == []
    about = {name: about for name, _, about in points(chart)}
    assert "The gradient is 0." in about["PGD"]
    assert about["Square"] == ["50 images leave much open."]


def test_the_table_of_a_chart_has_all_its_numbers(attack):
    page = robustness_page([attack])
    (rows,) = tables(page)["net"]
    (group,) = by_defense(series_of([read_run_results(attack)]))
    assert [row[0] for row in rows[1:]] == ["0", "0.005", "8/255", "0.5"]
    for k, series in enumerate(group.series, 1):
        for row, mean, low, high in zip(
            rows[1:], series.mean, series.low, series.high, strict=True
        ):
            assert row[k] == f"{100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def test_points_lie_where_their_values_are(attack):
    """On the linear axis upwards; 0 and 100 % are where the numbers of the axis are."""
    (chart,) = charts(robustness_page([attack]))
    at = {t.text: float(t.get("y")) for t in chart.iter("text") if (t.text or "").endswith(" %")}
    height = (at["100 %"] - at["0 %"]) / 100
    for point in (g for g in chart.iter("g") if g.get("class") == "point"):
        y = float(point.get("transform").split()[1].rstrip(")"))
        share = float(dict(json.loads(point.get("data-facts"))[1])["accuracy"].split(" %")[0])
        assert y == pytest.approx(at["0 %"] - 5 + height * share, abs=0.15)


def test_a_run_that_is_not_finished_says_so_first(evaluated_run):
    folder = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, finished=False)
    text = text_of(robustness_page([folder]))
    assert text.index("not finished") < text.index("Accuracy against")
    assert "nothing has been checked" in text


def test_curves_are_told_apart_without_colour(attack):
    page = robustness_page([attack])
    (chart,) = charts(page)
    looks = []
    for series in chart.iter("g"):
        if (series.get("class") or "").startswith("series"):
            stroke = next(p for p in series.iter("path") if p.get("class") == "stroke")
            mark = [p.get("d") for p in series.iter("path") if "mark" in (p.get("class") or "")]
            looks.append((stroke.get("stroke-width"), stroke.get("stroke-dasharray"), *mark[:1]))
    assert len(set(looks)) == len(looks) == 4


def test_charts_are_heard(attack):
    (chart,) = charts(robustness_page([attack]))
    assert chart.get("role") == "graphics-document document"
    by_id = {e.get("id"): e for e in chart.iter()}
    assert by_id[chart.get("aria-labelledby")].text == "accuracy, net"
    said = by_id[chart.get("aria-describedby")].text
    assert "PGD: 98.0 % (89.4 to 99.9) at 0, 0.0 % (0.0 to 7.1) at 0.5." in said
    stops = [g.get("tabindex") for g in chart.iter("g") if g.get("class") == "point"]
    assert sorted(stops) == ["-1"] * 15 + ["0"]
    assert all(g.get("aria-label") for g in chart.iter("g") if g.get("role"))


def test_certified_accuracy_at_every_radius(evaluated_run):
    radii = (0.0, 0.25, 0.5)
    folder = evaluated_run("certify", [("certificate", (9, 6, 2))], radii, samples=10, sigma=0.25,
                           votes=500)  # fmt: skip
    found = [0.1, 0.2, 0.24, 0.3, 0.35, 0.4, 0.45, 0.51, 0.52, 0.0]
    write_certificates(folder / "certificates.csv", [
        CertificateRow("net", 0.25, 0, k, 1, 1 if r else -1, r, 1 if r else -1)
        for k, r in enumerate(found)
    ])  # fmt: skip
    page = robustness_page([folder])
    (chart,) = charts(page)
    (line,) = [g for g in chart.iter("g") if g.get("data-steps")]
    steps = [tuple(map(float, pair.split(","))) for pair in line.get("data-steps").split()]
    for radius in (0.0, 0.15, 0.3, 0.46, 0.515, 0.6):
        share = [left for start, left in steps if start <= radius][-1]
        # `steps_of`: from a radius on it no longer counts
        assert share == pytest.approx(sum(r > radius for r in found) / 10)
    assert tables(page)["PREDICT"][0][1][1:] == [
        "90.0 (55.5 to 99.7)", "0.0 (0.0 to 30.8)", "10.0 (0.3 to 44.5)"
    ]  # fmt: skip


def test_published_results_lie_behind_and_are_listed(evaluated_run):
    folder = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, data="cifar10")
    page = robustness_page([folder])
    references = [g for g in charts(page)[0].iter("g") if g.get("class") == "reference"]
    (rows,) = (t[0] for name, t in tables(page).items() if name.startswith("Published results"))
    assert len(references) == len(rows) - 1 > 3
    assert all("http" in row[-1] or "/" in row[-1] for row in rows[1:])


def test_published_results_are_of_test_images(evaluated_run):
    folder = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, data="cifar10", split="train")
    page = robustness_page([folder])
    assert 'class="reference"' not in page
    assert "Published results" not in page


@pytest.fixture
def with_images(evaluated_run):
    """A run of one saved image at two radii, and its pixels (E, K, C, H, W)."""
    folder = evaluated_run("attack", [("pgd", (49, 40))], (0.0, 0.1))
    images = np.random.default_rng(3).random((2, 1, 3, 9, 7)).astype(np.float32)
    (folder / "examples").mkdir()
    write_json(folder / "examples" / "examples.json", {
        "schema": 1, "data": "d", "classes": ["a", "b"], "images": [4], "labels": [0],
        "files": [{"file": "0.safetensors", "network": "net", "defense": "none", "sigma": None,
                   "attack": "pgd", "norm": "linf", "seed": 0, "eps": [0.0, 0.1]}],
    })  # fmt: skip
    save_file({"images": images, "predicted": np.array([[0], [1]]),
               "confidence": np.full((2, 1), 0.75, np.float32)},
              folder / "examples" / "0.safetensors")  # fmt: skip
    return folder, images


def test_saved_images_are_kept_pixel_by_pixel(with_images):
    folder, images = with_images
    found = re.findall(
        r'alt="([^"]*)" src="data:image/\w+;base64,([^"]+)"', robustness_page([folder])
    )
    shown = [
        (html.unescape(alt), np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).tobytes())
        for alt, data in found
    ]
    for k, said in enumerate(("✓ a, 75 %", "✗ b, 75 %")):
        levels = np.rint(255 * np.moveaxis(images[k, 0], 0, -1)).astype(np.uint8)
        assert any(said in alt and pixels == levels.tobytes() for alt, pixels in shown)


@pytest.mark.parametrize(("room", "said"), [(0, "net, PGD"), (2000, "more of net, PGD")])
def test_images_that_do_not_fit_are_said(with_images, room, said):
    run = read_run_results(with_images[0])
    *pieces, last = images_of(run, Stamps(()), Colours(), "images", Room(room))
    assert f"too large: {said}." in text_of(last).replace(" .", ".")
    assert len(pieces) == (room > 0)


def test_runs_of_other_images_are_refused(evaluated_run):
    one = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, name="a")
    other = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, name="b", hashed="d2")
    with pytest.raises(IsolossError, match="are not of the same images"):
        robustness_page([one, other])


ALPHA = np.linspace(-1, 1, 11)


def line(**more):
    loss = (0.2 + ALPHA**2)[:, None]
    error = np.full_like(loss, 0.01)
    return Surface(ALPHA, np.zeros(1), loss, np.linspace(0.4, 0.9, 11)[:, None].round(1), error,
                   np.full(loss.shape, 40), meta={"plane": "line", **more})  # fmt: skip


def test_a_curve_has_its_losses_with_errors_and_its_accuracies_with_intervals():
    loss, accuracy = charts(curve_page(SurfaceLayer("line", line())))
    assert [dict(f)["loss"] for _, f, _ in points(loss)][:2] == ["1.2 ± 0.01", "0.84 ± 0.01"]
    said = dict(points(accuracy)[0][1])["accuracy"]
    assert said == "40.0 % (24.9 to 56.7)"  # scipy.stats.binomtest(16, 40)
    whiskers = [p.get("d") for p in loss.iter("path") if p.get("class") == "whisker"]
    assert whiskers[0].count("V") == 11


def test_a_point_of_a_curve_that_is_no_number_is_left_out_of_it():
    surface = line()
    surface.loss[3, 0] = math.nan
    page = curve_page(SurfaceLayer("line", surface))
    loss, _ = charts(page)
    assert len(points(loss)) == 10
    stroke = next(p for p in loss.iter("path") if p.get("class") == "stroke")
    assert stroke.get("d").count("M") == 2


def test_findings_of_a_curve_are_said_first():
    found = [{"level": "warning", "what": "precision", "message": "fp16 is not enough"}]
    page = text_of(curve_page(SurfaceLayer("line", line(findings=found))))
    assert page.index("Fp16 is not enough.") < page.index("Table of these numbers")


@pytest.mark.parametrize(
    "text", ["</script><script>x</script>", '"><img src=x>', "\u202eabc", "a|b"]
)
def test_hostile_names_stay_text(evaluated_run, text):
    folder = evaluated_run("attack", [("pgd", (49, 40, 10, 0))], EPS, network=text,
                           warnings=[("id", f"see {text}", "")])  # fmt: skip
    page = robustness_page([folder], command=text, title=text)
    assert page.count("<script") == page.count("</script") == 1
    assert "<img" not in page
    charts(page)  # well-formed
    assert text in text_of(page).replace("\u2068", "")


def test_an_unknown_theme_of_a_chart_follows_the_reader(attack):
    assert "light-dark(" in robustness_page([attack])
    assert 'data-theme="dark"' in robustness_page(
        [attack], theme="dark"
    ) or 'data-asked="dark"' in (robustness_page([attack], theme="dark"))


def test_seeds_are_faint_and_their_mean_says_each(evaluated_run):
    folder = evaluated_run("attack", [("pgd", (40, 20, 10, 0)), ("pgd", (30, 30, 10, 0))], EPS,
                           seeds=(0, 1))  # fmt: skip
    (chart,) = charts(robustness_page([folder]))
    faint = [p for p in chart.iter("path") if p.get("class") == "stroke faint"]
    assert len(faint) == 2
    first = dict(points(chart)[0][1])
    assert first["seed 0"] == "40 of 50"
    assert first["seed 1"] == "30 of 50"
    assert first["mean of 2 seeds"].startswith("70.0 % (")


def test_it_is_the_report(attack, evaluated_run):
    """Every table that `report.md` would have is in the page, cell by cell."""
    from isoloss.page.report.verdicts import evaluated_of
    from isoloss.results.report_tables import how_measured, sections_of

    run = read_run_results(attack)
    page = robustness_page([attack])
    shown = [rows for each in tables(page).values() for rows in each]
    for section in sections_of(evaluated_of(run), run.report):
        for table in section.tables:
            assert [list(table.header), *map(list, table.rows)] in shown
    text = text_of(page)
    for said in how_measured(evaluated_of(run), replace(run.report)):
        assert said[1:] in text
