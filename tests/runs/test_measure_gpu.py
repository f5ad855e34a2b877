"""The script for the first minutes on a GPU, in tiny sizes on a CPU."""

import json

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


def test_what_lacks_a_package_is_left_out_and_the_rest_goes_on(monkeypatch, tmp_path, capsys):
    """As on a machine with torch and little else."""
    real = measure_gpu.importlib.import_module

    def without(name):
        if name == "gpu.attacking":
            raise ModuleNotFoundError(name="diffusers")
        return real(name)

    monkeypatch.setattr(measure_gpu.importlib, "import_module", without)
    find = measure_gpu.importlib.util.find_spec
    monkeypatch.setattr(
        measure_gpu.importlib.util, "find_spec",
        lambda name: None if name in ("diffusers", "sklearn") else find(name),
    )  # fmt: skip
    out = tmp_path / "gpu.json"
    words = ["--device", "cpu", "--tiny", "--parts", "machine,pgd", "--out", str(out)]
    assert measure_gpu.main(words) == 0
    said = capsys.readouterr().err
    assert "left out what needs it: diffusers scikit-learn" in said
    report = json.loads(out.read_text())
    assert report["pgd"] == "left out: diffusers is not installed"
    assert report["machine"]["data"] == "patterns"


def test_parts_for_which_there_is_no_time_are_left_out(tmp_path):
    out = tmp_path / "gpu.json"
    out.write_text(json.dumps({"rates": {"from": "before"}}))
    words = ["--device", "cpu", "--data", "patterns", "--parts", "surfaces,large", "--budget", "5"]
    assert measure_gpu.main([*words, "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["rates"] == {"from": "before"}
    assert report["surfaces"].startswith("left out: ")
    assert report["large"].endswith("it takes about 25")
