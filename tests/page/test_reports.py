"""Pages of numbers as a reader uses them: by mouse, by key, on paper; and names that would run."""

import csv
import math

import numpy as np
import pytest

from isoloss.cli.main import main
from isoloss.geometry.surface import Surface
from isoloss.page.report.robustness import robustness_page
from isoloss.results.certificates import CertificateRow, write_certificates

EPS = (0.0, 0.005, 8 / 255, 0.5)
CURVES = [("pgd", (49, 40, 10, 0)), ("square", (49, 48, 30, 5)), ("worst", (49, 40, 9, 0))]
WARNED = [("few-samples", "50 images leave much open", ""), ("weak", "it is weak", "pgd")]
READY = "document.documentElement?.dataset.ready === 'true'"
CHART = "document.querySelector('svg.chart')"
READOUT = "document.getElementById('readout')"


@pytest.fixture
def shown(chromium, tmp_path):
    """Opens a page; nothing may go wrong on the way, nothing be asked for."""

    def open_(path, width=1280, height=800):
        chromium.resize(width, height)
        chromium.emulate(prefers_color_scheme="light")
        chromium.call("Emulation.setFocusEmulationEnabled", enabled=True)
        chromium.open(path)
        chromium.wait(READY)
        assert chromium.complaints == []
        assert {r.partition(":")[0] for r in chromium.requests} <= {"file", "data"}
        return chromium

    return open_


@pytest.fixture
def attack(evaluated_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return evaluated_run("attack", CURVES, EPS, WARNED)


def told(page):
    """{name: value} of what is read beside the cursor, and its heading as ""."""
    page.wait(f"!{READOUT}.hidden")
    names = page.run(f"[...{READOUT}.querySelectorAll('dt')].map(e => e.textContent)")
    values = page.run(f"[...{READOUT}.querySelectorAll('dd')].map(e => e.textContent)")
    heading = page.run(f"{READOUT}.querySelector('strong').textContent")
    return {"": heading, **dict(zip(names, values, strict=True))}


def place(page, name, k):
    """Where the k-th point of a curve is in the window."""
    return page.run(f"""(() => {{
      {CHART}.scrollIntoView({{ block: "center" }});
      const line = [...{CHART}.querySelectorAll(".series")].find(e => e.ariaLabel === {name!r});
      const box = line.querySelectorAll(".point")[{k}].getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }})()""")


def test_what_is_pointed_at_is_what_the_csv_says(attack, shown):
    assert main(["export", "run", "--out", "x.html"]) == 0
    page = shown(attack.parent / "x.html")
    with (attack / "robustness.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for attack_, name in (("pgd", "PGD"), ("square", "Square")):
        own = [row for row in rows if row["attack"] == attack_]
        for k in (1, 3):
            page.mouse("moved", *place(page, name, k))
            said, row = told(page), own[k]
            assert said[""] == name
            assert said["images right"] == f"{row['correct']} of {row['samples']}"
            share, low, high = (100 * float(row[n]) for n in ("accuracy", "low", "high"))
            assert said["accuracy"] == f"{share:.1f} %  ({low:.1f} to {high:.1f})"
    page.mouse("moved", 3, 3)
    page.wait(f"{READOUT}.hidden")


def test_keys_go_from_point_to_point(attack, shown):
    main(["export", "run", "--out", "x.html"])
    page = shown(attack.parent / "x.html")
    page.run(f"{CHART}.querySelector('.point[tabindex=\"0\"]').focus()")
    first = told(page)
    assert (first[""], first["ε"]) == ("worst of all attacks", "0")
    for key, name, eps in (
        ("ArrowRight", "worst of all attacks", "0.005"), ("ArrowDown", "PGD", "0.005"),
        ("End", "PGD", "0.5"), ("ArrowDown", "Square", "0.5"), ("ArrowLeft", "Square", "8/255"),
        ("Home", "Square", "0"), ("ArrowUp", "PGD", "0"),
    ):  # fmt: skip
        page.key(key)
        said = told(page)
        assert (said[""], said["ε"]) == (name, eps)
    assert page.run(f"{CHART}.querySelectorAll('.point[tabindex=\"0\"]').length") == 1
    assert "It is weak." in page.run("document.activeElement.getAttribute('aria-label')")
    page.key("Escape")
    page.wait(f"{READOUT}.hidden")


def test_between_points_the_share_that_is_certified_is_read(evaluated_run, shown, tmp_path):
    found = [0.1, 0.2, 0.3, 0.51, 0.0]
    folder = evaluated_run("certify", [("certificate", (4, 2, 1))], (0.0, 0.25, 0.5), samples=5,
                           sigma=0.25, votes=500)  # fmt: skip
    write_certificates(folder / "certificates.csv", [
        CertificateRow("net", 0.25, 0, k, 1, 1 if r else -1, r, 1) for k, r in enumerate(found)
    ])  # fmt: skip
    path = tmp_path / "x.html"
    path.write_text(robustness_page([folder]), encoding="utf-8")
    page = shown(path)
    (x0, y), (x1, _) = place(page, "σ = 0.25", 0), place(page, "σ = 0.25", 2)
    page.mouse("moved", x0 + 0.35 / 0.5 * (x1 - x0), y + 40)
    said = told(page)
    assert said[""] == "Certified within 0.35"
    assert said["σ = 0.25"] == "20.0 %"


def test_both_themes_paper_and_a_narrow_window(attack, shown):
    main(["export", "run", "--out", "x.html"])
    page = shown(attack.parent / "x.html", 390, 844)
    assert page.run("document.documentElement.scrollWidth") == 390
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.emulate(prefers_color_scheme="dark")
    assert page.run(ground) != light
    assert page.pdf().startswith(b"%PDF")
    assert page.run("document.querySelectorAll('details[open]').length") == 0  # as before
    assert page.complaints == []


def test_published_results_can_be_put_away(evaluated_run, shown, tmp_path):
    folder = evaluated_run("attack", CURVES, EPS, data="cifar10")
    path = tmp_path / "x.html"
    path.write_text(robustness_page([folder]), encoding="utf-8")
    page = shown(path)
    seen = f"{CHART}.querySelector('.reference').getClientRects().length > 0"
    assert page.run(seen)
    page.run("document.querySelector('input.published').click()")
    assert page.run(seen) is False


def test_a_curve_is_read_from_its_csv(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    alpha = np.linspace(-1, 1, 9)
    loss = np.exp(2 * alpha**2)[:, None]
    Surface(alpha, np.zeros(1), loss, np.full_like(loss, math.nan), np.full_like(loss, 0.125),
            np.full(loss.shape, 64)).save(tmp_path / "curve.csv")  # fmt: skip
    assert main(["export", "curve.csv", "--out", "x.html"]) == 0
    page = shown(tmp_path / "x.html")
    page.mouse("moved", *place(page, "loss", 2))
    assert told(page) == {"": "loss", "α": "−0.5", "loss": "1.649 ± 0.13"}


HOSTILE = (
    "</script><script>globalThis.ran = 1</script>", "<img src=x onerror='globalThis.ran = 1'>",
    "\"><svg onload=globalThis.ran=1>' onfocus='globalThis.ran=1' autofocus='",
    "{{script}} ${globalThis.ran = 1}", "\u202eabc\u2067 אבג", "a|b\n# c",
    "</style><style>body{display:none}</style>",
    "x" * 10**6,
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_of_names_runs(text, evaluated_run, shown, tmp_path):
    folder = evaluated_run(
        "attack", CURVES, EPS, [("id", f"see {text}", ""), ("weak", text, "pgd")],
        network=text[: 10**5],
    )  # fmt: skip
    path = tmp_path / "x.html"
    path.write_text(robustness_page([folder], text, "", text), encoding="utf-8")
    page = shown(path)
    page.mouse("moved", *place(page, "PGD", 1))
    told(page)
    assert page.run("globalThis.ran") is None
    assert page.run("document.scripts.length") == 1
    assert page.run("document.querySelectorAll('iframe, a, img, base, form, link').length") == 0
    assert page.run("document.querySelectorAll('style').length") == 1
    assert page.run("document.body.offsetHeight") > 100
    assert page.complaints == []
