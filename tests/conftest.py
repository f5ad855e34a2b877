"""What all tests share."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

# Read when isoloss.gl is first imported: every OpenGL call of the tests is checked.
os.environ.setdefault("ISOLOSS_GL_CHECK", "1")

TINY = '''
"""A network and data of the user's own, for tests."""
import torch
from torch import nn


def network(num_classes):
    head = nn.Linear(36, num_classes)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), head)


def too_narrow():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 2))


def not_a_network():
    return 7


class Wild(nn.Linear):
    def forward(self, x):
        if self.weight.abs().max() > 0.2:
            raise ValueError("weights are\\ntoo large")
        return super().forward(x.flatten(1))


def wild():
    return Wild(192, 3)


def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3
    x = torch.rand(60, 3, 8, 8, generator=generator) * 0.5 + y.view(-1, 1, 1, 1) * 0.2
    return (x[:45], y[:45]), (x[45:], y[45:])


def numpy_data():
    train, test = data()
    return (train[0].numpy(), train[1]), (test[0].numpy(), test[1])


def between_classes():
    train, test = data()
    return (train[0], train[1] + 0.5), (test[0], test[1] + 0.5)


def wrong_data():
    return 1, 2


def broken():
    raise ValueError("two\\nlines")
'''


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-baselines",
        action="store_true",
        help="rewrite the pictures in tests/gl/baselines instead of comparing with them",
    )


@pytest.fixture
def in_folder_of_users_module(tmp_path, monkeypatch):
    """A working folder with `tinyuser.py`, a module of the user's own."""
    (tmp_path / "tinyuser.py").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("tinyuser", None)
    yield Path(tmp_path)
    for name, module in list(sys.modules.items()):
        # Another test's module of the same name would else be this one's.
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def worked_example():
    """Runs the example of a section of CONTRIBUTING.md, by its heading; gives what it defines."""

    def run(heading: str, blocks: int = 1) -> dict[str, Any]:
        text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
        section = text.split(f"### {heading}\n")[1].split("\n### ")[0]
        defined: dict[str, Any] = {}
        code = [block.split("```")[0] for block in section.split("```python\n")[1:]]
        exec(compile("\n".join(code[:blocks]), heading, "exec"), defined)
        return defined

    return run


@pytest.fixture
def distance_texture(worked_example):
    """The texture of CONTRIBUTING.md, registered for one test."""
    from isoloss.scene.textures import texture_named, unregister

    worked_example("A new texture")
    yield texture_named("distance")
    unregister("distance")


@pytest.fixture
def evaluated_run(tmp_path):
    """Makes the folder of an attack or a certification out of counts of right images."""
    from scipy import stats

    from isoloss.results.tables import EvaluationWarning, Report, Row, write_report, write_table
    from isoloss.run import Run
    from isoloss.settings import AttackSettings, CertifySettings

    def make(
        kind, curves, radii, warnings=(), *, name="run", samples=50, network="net",
        sigma=float("nan"), votes=0, seeds=(), finished=True, data="digits", hashed="d1",
        split="test",
    ):  # fmt: skip
        def row(attack, eps, correct, seed):
            low, high = stats.binomtest(correct, samples).proportion_ci(0.95, "exact")
            return Row(
                network, "denoised" if sigma == sigma else "none", sigma, attack,
                "l2" if kind == "certify" else "linf", eps, seed, samples, correct,
                correct / samples, low, high, votes,
            )  # fmt: skip

        asked = {"source": "digits-classifier", "data": "digits", "split": split,
                 "seeds": max(len(seeds), 1)}  # fmt: skip
        asked |= {"denoiser": "digits-denoiser"} if kind == "certify" else {}
        settings = CertifySettings if kind == "certify" else AttackSettings
        run = Run.create(tmp_path / name, settings(**asked))
        run.record_environment(depends_on={"data": hashed})
        own = seeds or (0,) * len(curves)
        write_table(run.table_path, [
            row(attack, eps, correct, seed)
            for (attack, counts), seed in zip(curves, own, strict=True)
            for eps, correct in zip(radii, counts, strict=True)
        ])  # fmt: skip
        if finished:
            said = [
                EvaluationWarning(each, text, network=network if attack else "", attack=attack)
                for each, text, attack in warnings
            ]
            facts = {"chance": 0.1, "data": data, "norm": "linf"}
            write_report(run.report_path, Report("It is so.", tuple(said), (), facts))
        return run.folder

    return make


@pytest.fixture
def one_thread():
    """PyTorch with one thread: sums in the same order, and small networks are quicker so."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
