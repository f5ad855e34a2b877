"""What the scripts beside this share: a result is a list of command lines of isoloss.

    python examples/reproduce/vgg11.py                      # CIFAR-10 by torchvision, 170 MB
    python examples/reproduce/vgg11.py --data FOLDER        # train/CLASS/*.png, test/CLASS/*.png
    python examples/reproduce/vgg11.py --quick              # in a minute, to see that it works
    python examples/reproduce                               # all results

Whatever was stopped goes on by the same command, and what is done is not done again. In the command
lines DATA, LOSSLESS, NETWORKS and RUNS stand for what was given.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from isoloss.naming import duration

ROOT = Path(__file__).absolute().parents[2]
KEPT = ROOT / "docs" / "results"
TWO_CORES, GPU = "cpu", "cuda"
SCRIPTS = (
    "input_space", "published_surfaces", "attack_truth", "vgg11", "curvature", "resnet50",
    "shortcuts", "learning_rate", "batch_size", "adversarial_training", "defense",
)  # fmt: skip
"""All of them, those first on which others stand."""


@dataclass(frozen=True)
class Recipe:
    """How a result comes about.

    Attributes:
        name: of the script, and of the file with what is kept of it.
        about: what it is, in a line.
        commands: of isoloss, one after the other.
        networks: what others have published and it needs in NETWORKS, and where that is.
    """

    name: str
    about: str
    commands: tuple[str, ...]
    networks: tuple[tuple[str, str], ...] = ()

    @property
    def runs(self) -> list[str]:
        """The names of the folders that its runs have in RUNS."""
        return [command.rsplit("RUNS/", 1)[1] for command in self.commands]

    def takes(self, device: str) -> str:
        """How long it took, of what is kept of it."""
        path = KEPT / f"{self.name}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known = [kept[run]["seconds"] for run in self.runs if run in kept]
        if len(known) < len(self.runs) or any(kept[run]["device"] != device for run in self.runs):
            return "not yet measured"
        return duration(sum(known))

    def carry_out(self, asked: argparse.Namespace, words: dict[str, str]) -> int:
        """Run its command lines, up to the first that fails; the exit code of the last.

        Args:
            words: what those in the command lines stand for.
        """
        import quick_size

        from isoloss.cli.main import main as isoloss

        print(f"\n{self.name}: {self.about}")
        print(f"takes on a GPU: {self.takes(GPU)}; on two cores: {self.takes(TWO_CORES)}")
        for command in self.commands:
            if "JPEG" in command and asked.lossless is None:
                continue
            typed = [_with(words, word) for word in command.split()]
            if asked.quick:
                typed = quick_size.quick(typed)
            print(f"\n$ isoloss {' '.join(typed)}", flush=True)
            if code := isoloss(typed):
                return code
        return 0

    def words(self, asked: argparse.Namespace) -> dict[str, str]:
        """What the words in the command lines stand for."""
        import quick_size

        runs = asked.out or Path("runs") / ("reproduce-quick" if asked.quick else "reproduce")
        data = quick_size.DATA if asked.quick else _data(asked.data)
        networks = asked.networks
        if asked.quick and self.networks:
            networks = quick_size.networks(runs / "networks", [n for n, _ in self.networks])
        lossless = data if asked.quick or asked.lossless is None else _data(asked.lossless)
        return {
            "DATA": data, "JPEG": data, "LOSSLESS": lossless, "NETWORKS": str(networks),
            "RUNS": str(runs),
        }  # fmt: skip

    def missing(self, asked: argparse.Namespace) -> list[str]:
        """A line for each file of others that it needs and is not there."""
        if asked.quick:
            return []
        return [
            f"there is no {asked.networks / name}: download {source}"
            for name, source in self.networks
            if not (asked.networks / name).exists()
        ]


def reproduce(recipes: Sequence[Recipe]) -> None:
    """What a script does: read what is asked for, and carry out its recipes in order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = partial(parser.add_argument, metavar="FOLDER", type=Path)
    add("--data", help="with CIFAR-10 as images; by default torchvision downloads it")
    add("--lossless", help="where --data is JPEG: images as they were, for published networks")
    add("--networks", default=Path("networks"), help="with what others have published")
    add("--out", help="of the runs [runs/reproduce]")
    parser.add_argument("--quick", action="store_true", help="tiny, and of no meaning as figures")
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # where the networks in examples/ are looked for
    folders = [folder for folder in (asked.data, asked.lossless) if folder is not None]
    missing = [f"there is no folder {folder}" for folder in folders if not folder.is_dir()]
    missing += dict.fromkeys(line for recipe in recipes for line in recipe.missing(asked))
    if missing:  # before hours of computing
        sys.exit("\n".join(missing))
    for recipe in recipes:
        if code := recipe.carry_out(asked, recipe.words(asked)):
            sys.exit(code)


def recipes() -> list[Recipe]:
    """Of all scripts."""
    return [importlib.import_module(name).RECIPE for name in SCRIPTS]


def _data(folder: Path | None) -> str:
    return "cifar10" if folder is None else f"imagefolder:{folder.absolute()}"


def _with(words: dict[str, str], typed: str) -> str:
    word, slash, rest = typed.partition("/")
    return words.get(word, word) + slash + rest
