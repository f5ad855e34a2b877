"""Runs on networks that are not as one assumes: random ones, ones that look at their batch, one
logit, gradients of NaN, images normalized otherwise; and in which precision is certified."""

import importlib
import re
import sys
from dataclasses import replace

import pytest
import timm
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from scipy import stats

from isoloss import IsolossError
from isoloss.cli.describe import describe
from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.compute.training.network import load_network
from isoloss.events import Log
from isoloss.results.certificates import read_certificates
from isoloss.results.tables import read_report, read_table
from isoloss.robustness import GaussianSmoothing, Protocol, eot_pgd
from isoloss.robustness.evaluation.evaluation import Evaluation
from isoloss.robustness.evaluation.setup import load_subject
from isoloss.run import Run
from isoloss.settings import AttackSettings, CertifySettings, ProbeSettings
from isoloss.work import prepare, resume

SOURCE = """
import torch
from sklearn.datasets import load_digits
from torch import nn


def digits():
    data = load_digits()
    x = torch.tensor(data.images / 16, dtype=torch.float32)[:, None]
    y = torch.tensor(data.target)
    return x, y


def data():
    x, y = digits()
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def even():
    x, y = digits()
    return (x[:1400], y[:1400] % 2), (x[1400:], y[1400:] % 2)


def with_black():
    x, y = digits()
    x[1400:1440:4] = 0
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def bright():
    x, y = digits()
    x = x * 1.0000002
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def in_colour():
    (x, y), (z, w) = data()
    return (x.expand(-1, 3, -1, -1), y), (z.expand(-1, 3, -1, -1), w)


def small(classes=10):
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, classes),
    )


class Behind(nn.Module):
    def __init__(self, change, classes=10):
        super().__init__()
        self.m, self.change = small(classes), change

    def forward(self, x):
        return self.m(self.change(x))


def noisy():
    return Behind(lambda x: x + 0.35 * torch.randn_like(x))


def of_its_batch():
    return Behind(lambda x: x - 0.3 * x.mean(0, keepdim=True))


def contrasted():
    return Behind(lambda x: (x - x.mean((1, 2, 3), keepdim=True))
                  / (x.var((1, 2, 3), keepdim=True).sqrt() + 1e-6))


def one():
    return Behind(lambda x: x, 1)


def plain():
    return Behind(lambda x: x)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with a module of the user's own, `assumed`, and the weights of its networks."""
    folder = tmp_path_factory.mktemp("assumed")
    (folder / "assumed.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "assumed", raising=False)
        importlib.invalidate_caches()
        module = importlib.import_module("assumed")
        torch.manual_seed(0)
        for name in ("noisy", "of_its_batch", "contrasted", "one", "plain"):
            net, (train, _) = (
                getattr(module, name)(),
                module.even() if name == "one" else module.data(),
            )
            trained(net, *train)
            save_tensors(folder / f"{name}.safetensors", net.state_dict())
        yield folder
        sys.modules.pop("assumed", None)


def trained(net, x, y):
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for batch in [b for _ in range(3) for b in torch.randperm(len(x)).split(64)]:
        optimizer.zero_grad()
        logits = net(x[batch])
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], 1)
        F.cross_entropy(logits, y[batch]).backward()
        optimizer.step()


def asked(lab, name, kind=AttackSettings, data="data", **others):
    given = {
        "source": lab / f"{name}.safetensors", "model": f"assumed:{name}", "keep": 0,
        "data": f"assumed:{data}", "device": "cpu", "precision": "fp32", "samples": 60,
    }  # fmt: skip
    if kind is AttackSettings:
        given |= {"eps": (0.05, 0.2), "steps": 4, "queries": 20, "attacks": "pgd,square"}
    return kind.model_validate({**given, **others})


def done(folder, settings):
    run = Run.create(folder, settings)
    said = [event.message for event in resume(run) if isinstance(event, Log)]
    return run, said


def network(lab, name):
    net = getattr(sys.modules["assumed"], name)()
    net.load_state_dict(load_state(lab / f"{name}.safetensors"))
    return net.eval()


def images(data="data", n=60, seed=0):
    x, y = getattr(sys.modules["assumed"], data)()[1]
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:n]
    return x[order], y[order]


def warned(run):
    return {w.id: w.message for w in read_report(run.report_path).warnings}


def test_a_network_that_draws_noise_is_a_random_defense(lab, tmp_path):
    run, _ = done(tmp_path / "a", asked(lab, "noisy"))
    net, (x, y) = network(lab, "noisy"), images()
    with torch.no_grad():
        looks = torch.stack([net(x).argmax(1) for _ in range(400)])
    by_attack = {
        a: [r for r in read_table(run.table_path) if r.attack == a] for a in ("pgd", "square")
    }
    for rows in by_attack.values():
        assert [row.votes for row in rows] == [20] * 3
        clean = rows[0]
        one = float((looks == y).float().mean())
        low, high = stats.binom.interval(0.999, 60, one)
        assert low <= clean.single_correct <= high
        assert clean.correct == pytest.approx(int((looks.mode(0).values == y).sum()), abs=4)
        assert clean.worst_correct < clean.single_correct < clean.correct + 1
        assert [row.correct for row in rows] == sorted((r.correct for r in rows), reverse=True)
    # As strong as EOT on the same network behind noise that is known.
    known = eot_pgd(GaussianSmoothing(net.m, 0.35), x, y, 0.2, Protocol(steps=4), 8).images
    with torch.no_grad():
        left = torch.stack([(net(known).argmax(1) == y).float() for _ in range(200)]).mean()
    assert by_attack["pgd"][2].single_accuracy == pytest.approx(float(left), abs=0.15)
    assert "gives two answers to the same image" in warned(run)["draws-of-its-own"]
    assert "majority of 20" in run.report_text_path.read_text("utf-8")
    assert repr(timeless(done(tmp_path / "b", asked(lab, "noisy"))[0])) == repr(timeless(run))


def test_images_made_on_a_network_that_draws_noise_come_out_the_same_again(lab, tmp_path):
    settings = asked(lab, "plain", attacks="surrogates", also=(lab / "noisy.safetensors",))
    networks = {name: network(lab, name) for name in ("plain", "noisy")}
    subject = replace(load_subject(settings), models=networks)
    tables = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        run = Run.create(tmp_path / str(seed), settings)
        list(Evaluation.prepare(settings, subject).resume(run))
        tables.append([row for row in timeless(run) if row.attack == "transfer from noisy"])
    assert 0 < tables[0][2].correct < tables[0][0].correct
    assert repr(tables[0]) == repr(tables[1])


def timeless(run):
    return [replace(row, seconds=0.0) for row in read_table(run.table_path)]


def test_a_random_run_stopped_after_every_unit_ends_with_the_same_table(lab, tmp_path):
    settings = asked(lab, "noisy", attacks="pgd", samples=80)
    whole, _ = done(tmp_path / "whole", settings)
    run = Run.create(tmp_path / "stopped", settings)
    known = 0
    while not run.is_done:
        for _ in resume(run):
            lines = (
                run.outcomes_path.read_text("utf-8").count("\n")
                if run.outcomes_path.exists()
                else 0
            )
            if lines > known:
                known = lines
                break
    assert known > 3
    assert repr(timeless(run)) == repr(timeless(whole))


def test_what_draws_noise_is_not_certified(lab):
    with pytest.raises(IsolossError, match="noisy draws random numbers of its own, and a certific"):
        prepare(asked(lab, "noisy", CertifySettings))


def test_what_looks_at_its_batch_is_judged_one_by_one(lab, tmp_path):
    run, _ = done(tmp_path / "run", asked(lab, "of_its_batch"))
    net, (x, y) = network(lab, "of_its_batch"), images()
    alone = sum(int(net(x[k : k + 1]).argmax(1) == y[k]) for k in range(60))
    together = int((net(x).argmax(1) == y).sum())
    assert alone != together
    assert [r.correct for r in read_table(run.table_path) if r.eps == 0] == [alone] * 3
    assert "depends on the others in its batch" in warned(run)["depends-on-the-batch"]


def test_one_logit_tells_two_classes_apart(lab, tmp_path):
    run, _ = done(tmp_path / "run", asked(lab, "one", data="even"))
    net, (x, y) = network(lab, "one"), images("even")
    right = int(((net(x)[:, 0] > 0).long() == y).sum())
    rows = read_table(run.table_path)
    assert [row.correct for row in rows if row.eps == 0] == [right] * 3
    assert right > 50 > min(row.correct for row in rows)
    run, _ = done(
        tmp_path / "c", asked(lab, "one", CertifySettings, "even", samples=20, draws=40, sigma=0.05)
    )
    x, _ = images("even", 20)
    with torch.no_grad():
        said = torch.stack([net(x + 0.05 * torch.randn_like(x))[:, 0] > 0 for _ in range(200)])
    share = said.float().mean(0).tolist()
    certified = read_certificates(run.certificates_path)
    assert sum(c.predicted >= 0 for c in certified) > 10
    for certificate, ones in zip(certified, share, strict=True):
        assert certificate.predicted in (-1, int(ones > 0.5))
    with pytest.raises(IsolossError, match=r"10\) logits, the network gives \(2, 1\)"):
        prepare(asked(lab, "one"))


@pytest.mark.parametrize("protocol", ["standard", "legacy"])
def test_images_without_a_finite_gradient_stop_nobody_else(lab, tmp_path, protocol):
    given = {"steps": 4} if protocol == "standard" else {"steps": 20}
    settings = asked(lab, "contrasted", data="with_black", attacks="pgd", protocol=protocol,
                     samples=200, **given)  # fmt: skip
    run, _ = done(tmp_path / "run", settings)
    net, (x, y) = network(lab, "contrasted"), images("with_black", 200)
    rows = [row for row in read_table(run.table_path) if row.attack == "pgd"]
    assert rows[0].correct == int((net(x).argmax(1) == y).sum())
    assert rows[-1].correct < rows[0].correct - 10
    black = x.flatten(1).amax(1) == 0
    resisting = int((black & (net(x).argmax(1) == y)).sum())
    assert resisting > 0
    if protocol == "legacy":  # which begins at the images themselves
        assert rows[-1].without_gradient >= resisting
        assert "is not finite at" in warned(run)["gradient-not-finite"]


def test_images_off_by_rounding_are_taken(lab, tmp_path):
    run, _ = done(tmp_path / "run", asked(lab, "plain", data="bright", attacks="pgd"))
    net, (x, y) = network(lab, "plain"), images("bright")
    assert float(x.max()) > 1
    assert read_table(run.table_path)[0].correct == int((net(x).argmax(1) == y).sum())


def test_a_certification_says_how_exactly_it_was_computed(lab, tmp_path):
    told = {}
    for precision in ("fp32", "bf16"):
        settings = asked(lab, "plain", CertifySettings, samples=20, draws=1000, precision=precision)
        run, _ = done(tmp_path / precision, settings)
        told[precision] = read_report(run.report_path).summary
        assert told[precision] in run.report_text_path.read_text("utf-8")
    assert "All of it is computed in fp32." in told["fp32"]
    assert "computed in bf16: in single precision, " in told["bf16"]
    others, draws = map(int, re.search(r"(\d+) of (\d+) draws are", told["bf16"]).groups())
    assert draws == 8 * 32
    assert others <= 8


def test_another_normalization_that_fits_better_is_called_out(lab, tmp_path):
    net, (x, y) = network(lab, "plain"), images()
    for wrong, right in ({"mean": 3, "std": 1}, "none"), ({"normalization": "none"}, None):
        run, said = done(
            tmp_path / str(right), asked(lab, "plain", attacks="pgd", steps=1, **wrong)
        )
        found = warned(run).get("another-normalization-fits")
        rows = read_table(run.table_path)
        if right is None:
            assert found is None
            assert rows[0].correct == int((net(x).argmax(1) == y).sum())
            continue
        assert rows[0].correct == int((net(x - 3).argmax(1) == y).sum())
        known = int((net(x[:32]).argmax(1) == y[:32]).sum())
        assert (
            f"with --normalization {right} (mean 0 and standard deviation 1) it is {known}" in found
        )
        given = "plain is given them normalized by mean 3 and standard deviation 1"
        assert said[0].startswith("data: ")
        assert said[0].endswith(given)
        assert given in describe(run.folder)
        assert "normalized by mean 3" in run.report_text_path.read_text("utf-8")


def test_a_checkpoint_of_a_library_is_normalized_as_asked(lab, tmp_path):
    torch.manual_seed(0)
    net = timm.create_model("test_byobnet", num_classes=10).eval()
    save_tensors(tmp_path / "net.safetensors", net.state_dict())
    x, _ = images("in_colour", 4)
    config = timm.get_pretrained_cfg("test_byobnet")
    cases = [
        ({}, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "those of ImageNet"),
        ({"normalization": "imagenet"}, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "ImageNet"),
        ({"normalization": "cifar10"}, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616), "CIFAR"),
        ({"normalization": "none"}, (0, 0, 0), (1, 1, 1), "as they are, in [0, 1]"),
        ({"normalization": "network"}, config.mean, config.std, "normalized by"),
        ({"mean": "0.1 0.2 0.3", "std": "1, 1/2, 0.25"}, (0.1, 0.2, 0.3), (1, 0.5, 0.25), "0.1, 0"),
    ]
    for given, mean, std, words in cases:
        for kind in (AttackSettings, ProbeSettings):
            settings = kind.model_validate({
                "source": tmp_path / "net.safetensors", "model": "timm:test_byobnet",
                "data": "assumed:in_colour", **given,
            })  # fmt: skip
            loaded = load_network(settings)
            expected = net((x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))
            torch.testing.assert_close(loaded.model.eval()(x), expected)
            assert words in loaded.about_data


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mean": "0.5"}, "--mean and --std go together"),
        ({"mean": "0.5", "std": "0.1 0.1"}, "each with a value for every channel"),
        ({"mean": "0.5", "std": "0"}, "standard deviations are above 0"),
        ({"mean": "0.5", "std": "1", "normalization": "none"}, "leave --mean and --std out"),
        ({"source": "digits-classifier", "normalization": "none"}, "are for checkpoint files"),
    ],
)
def test_statistics_that_do_not_go_together_are_refused(lab, given, message):
    with pytest.raises(ValidationError, match=message):
        asked(lab, "plain", **given)


def test_what_nothing_says_of_a_network_is_not_made_up(lab, tmp_path):
    with pytest.raises(IsolossError, match="nothing says by what assumed:plain was normalized"):
        prepare(asked(lab, "plain", normalization="network"))
    settings = asked(lab, "plain", data="in_colour", mean="0.5 0.5", std="1 1")
    with pytest.raises(IsolossError, match="images of 3 channels cannot be normalized by"):
        prepare(settings)
