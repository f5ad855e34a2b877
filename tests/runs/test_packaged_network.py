"""EfficientNet-Lite0 with the weights that pip brings, on the photographs of scikit-learn."""

import json

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from isoloss.compute.training.network import load_network
from isoloss.results.tables import read_table
from isoloss.run import Run
from isoloss.settings import AttackSettings
from isoloss.work import prepare, resume

EPS = 2 / 255


def test_two_photographs_are_recognized_and_attacked(tmp_path):
    settings = AttackSettings(
        model="efficientnet_lite0", data="sample-photos", attacks="pgd", eps=(EPS,), steps=3,
        convergence="none", keep=2, precision="fp32", device="cpu",
    )  # fmt: skip
    prepared = prepare(settings)
    run = Run.create(tmp_path / "run", settings)
    list(resume(run, prepared))
    right = {row.eps: row.correct for row in read_table(run.table_path) if row.attack == "pgd"}
    assert right == {0.0: 2, EPS: 0}
    index = json.loads((run.examples / "examples.json").read_text(encoding="utf-8"))
    assert {index["classes"][k] for k in index["labels"]} == {"palace", "daisy"}
    doubts = json.loads(run.report_path.read_text(encoding="utf-8"))["doubts"]
    (assumed,) = [doubt for doubt in doubts if doubt["id"] == "labels-assumed"]
    assert assumed["message"] == (
        "nobody has labelled sample-photos: right is what efficientnet_lite0 answers"
    )
    # The network by timm's own hands says the same of the images that were kept.
    loaded = load_network(settings)
    network = loaded.model.network.eval()
    kept = load_file(run.examples / index["files"][0]["file"])
    for images, predicted in zip(kept["images"], kept["predicted"], strict=True):
        with torch.no_grad():
            logits = network((images - 0.5) / 0.5)
        assert torch.equal(logits.argmax(1), predicted)
        assert float(F.softmax(logits, 1).amax()) < 1
    assert (kept["images"][1] - kept["images"][0]).abs().max() <= EPS + 1e-6
    assert not torch.equal(kept["predicted"][0], kept["predicted"][1])
