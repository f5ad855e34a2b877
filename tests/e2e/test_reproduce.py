"""The scripts of examples/reproduce at their quick size: carried out, resumed, and told of."""

import json
import subprocess
import sys

from tests.e2e.conftest import REPOSITORY

import isoloss


def said(*command, cwd):
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_result_is_reproduced_resumed_and_told(tmp_path):
    script = REPOSITORY / "examples" / "reproduce" / "published_surfaces.py"
    first = said(script, "--quick", cwd=tmp_path)
    assert "takes on a GPU: not yet measured" in first
    assert first.count("\n$ isoloss ") == 4
    assert "was done already" not in first
    runs = tmp_path / "runs" / "reproduce-quick"
    surface = isoloss.load(runs / "resnet20-published-random")
    assert surface.shape == (4, 4)
    assert said(script, "--quick", cwd=tmp_path).count("(was done already)") == 4

    kept, page = tmp_path / "kept", tmp_path / "results.md"
    write = REPOSITORY / "tools" / "write_results.py"
    said(write, runs, "--kept", kept, "--page", page, cwd=tmp_path)
    rows = [line for line in page.read_text().splitlines() if line.startswith("| resnet20")]
    assert any("4 × 4" in row for row in rows)
    assert any("8.27 % (akamaster" in row for row in rows)
    of_runs = json.loads((kept / "published_surfaces.json").read_text())
    found = of_runs["resnet20-published-pgd"]["found"]
    (worst,) = found["right"]
    counted = {r["eps"]: r["correct"] for r in found["rows"] if r["attack"] == "worst"}
    assert {float(e): bits.count("1") for e, bits in worst["right"].items()} == counted
    assert (worst["sigma"], worst["attacks"], len(worst["images"])) == (None, ["pgd"], 8)
    assert str(tmp_path) not in page.read_text() + (kept / "published_surfaces.json").read_text()


def test_what_is_missing_is_told_before_anything_begins(tmp_path):
    script = REPOSITORY / "examples" / "reproduce" / "attack_truth.py"
    done = subprocess.run(
        [sys.executable, str(script), "--data", "nowhere"], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    folder, *networks = done.stderr.splitlines()
    assert folder == "there is no folder nowhere"
    assert len(networks) == 2
    for line, name in zip(networks, ("resnet2b", "resnet4b"), strict=True):
        assert line.startswith(f"there is no networks/{name}.pth: download https://")
    assert list(tmp_path.iterdir()) == []
