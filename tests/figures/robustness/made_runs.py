"""Runs of which figures are drawn, and what is to be seen in these."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from safetensors.numpy import save_file
from scipy import stats

from isoloss.figures.robustness.accuracy import accuracy_figure
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.sheet import Sheet
from isoloss.files import write_json
from isoloss.results.certificates import CertificateRow, write_certificates
from isoloss.results.tables import Report, Row, write_report, write_table
from isoloss.run import Run
from isoloss.run_folder import CERTIFICATES
from isoloss.scene.appearance import Appearance
from isoloss.settings import AttackSettings, CertifySettings

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
