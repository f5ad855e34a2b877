"""The script for the first minutes on a GPU, in tiny sizes on a CPU."""

import json
import os
import subprocess
import sys

import pytest

import measure_gpu
from gpu.page import write

PAGE = "# Benchmarks\n\n## GPUs\n\n<!-- gpu -->\nnothing yet\n<!-- end of gpu -->\n\nMore.\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    words = ["--device", "cpu", "--tiny", "--data", "patterns", "--out", str(out)]
    assert measure_gpu.main(words) == 0
    return json.loads(out.read_text())


def test_every_part_has_been_carried_out(report):
    for part in measure_gpu.PARTS:
        assert isinstance(report[part.name], dict), report[part.name]
        assert "error" not in report[part.name], report[part.name]
    assert report["missing"] == []
    assert set(report["seconds"]) == {part.name for part in measure_gpu.PARTS}


def test_nothing_is_wrong_on_a_cpu(report):
    for row in report["correct"].values():
        assert row["a_point_twice_is_the_same"]
        assert row["replays_equal_eager_bit_for_bit"]
    assert report["correct"]["small CNN, fp32"]["worst_relative_to_cpu_fp32"] < 1e-5
    assert set(report["faults"].values()) <= {"ok", "of a GPU only"}
    found = report["kill_and_resume"]
    assert found["training_killed_apart"] == 0 == found["probe_killed_apart"]
    assert found["probe_range"] > 0


def test_it_is_put_into_the_page_and_replaced_there(report, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for _ in range(2):
        write(page, report)
    text = page.read_text()
    assert text.startswith("# Benchmarks\n\n## GPUs\n\n<!-- gpu -->\nCPU, PyTorch")
    assert text.endswith("<!-- end of gpu -->\n\nMore.\n")
    assert "nothing yet" not in text
    assert text.count("### Images a second, on a GPU") == 1
    assert "| small CNN, fp32 |" in text
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match="has no marks"):
        write(page, report)
    assert page.read_text() == "no marks\n"


LACKING = """
import importlib.util, sys

NAMES = {"timm", "diffusers", "sklearn", "plyfile", "contourpy", "matplotlib", "h5py", "OpenGL",
         "glfw", "imgui_bundle", "huggingface_hub", "transformers"}
find = importlib.util.find_spec

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

sys.meta_path.insert(0, Missing)
importlib.util.find_spec = lambda name, *of: None if name in NAMES else find(name, *of)
import measure_gpu
sys.exit(measure_gpu.main(sys.argv[1:]))
"""


def test_what_lacks_a_package_is_left_out_and_the_rest_goes_on(tmp_path):
    """As on a machine with torch, torchvision and little else."""
    out = tmp_path / "gpu.json"
    left_out = {
        "behind_noise": "diffusers", "denoiser_training": "diffusers",
        "kill_and_resume": "plyfile", "rendering": "plyfile",
    }  # fmt: skip
    parts = ",".join(["machine", "recordings", *left_out])
    words = ["--device", "cpu", "--tiny", "--parts", parts, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", LACKING, *words], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "left out what needs it: huggingface_hub timm diffusers scikit-learn" in done.stderr
    report = json.loads(out.read_text())
    for part, lacking in left_out.items():
        assert report[part] == f"left out: {lacking} is not installed"
    assert report["machine"]["data"] == "patterns"
    assert isinstance(report["recordings"], dict)


def test_parts_for_which_there_is_no_time_are_left_out(tmp_path):
    out = tmp_path / "gpu.json"
    out.write_text(json.dumps({"rates": {"from": "before"}}))
    words = ["--device", "cpu", "--data", "patterns", "--parts", "surfaces,large", "--budget", "5"]
    assert measure_gpu.main([*words, "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["rates"] == {"from": "before"}
    assert report["surfaces"].startswith("left out: ")
    assert report["large"].endswith("it takes about 25")
