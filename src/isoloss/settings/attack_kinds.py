"""The registry of attacks: one entry each, from which settings, plans, reports, figures and the
window know all that they know of an attack. Imports no torch; implementations do, when loaded.

What is asked of an implementation is in `isoloss.robustness.attacks.context`. An attack of one's
own is in no registry: what is known of it follows from its name (`attack_of`).
"""

from __future__ import annotations

import pkgutil
import zlib
from dataclasses import dataclass, replace
from typing import Any, Literal

from isoloss.errors import IsolossError
from isoloss.naming import capitalized, listed
from isoloss.registry import Registry

Hue = Literal["ink", "grey", "blue", "orange", "green", "purple", "magenta"]
Varied = Literal["steps", "draws", "restarts", "queries"]
"""In what the convergence of an attack may be studied."""
Mark = Literal["circle", "square", "diamond", "up", "down", "plus"]
"""Symbols of curves; "up" and "down" are triangles. Window and figures each draw their own."""
IN_ORDER: tuple[tuple[Hue, Mark], ...] = (
    ("blue", "circle"),
    ("orange", "square"),
    ("green", "diamond"),
    ("purple", "up"),
    ("magenta", "down"),
)
"""Colour and symbol of the first, second, … curve where curves do not differ by their attack."""
_OWN_MARKS: tuple[Mark, ...] = ("diamond", "up", "square", "down")
"""Of attacks of one's own."""
CLEAN = "clean"
"""Stands in place of an attack where images are not attacked."""
CERTIFICATE = "certificate"
"""Stands in place of an attack where accuracies are certified."""
WORST = "worst"
"""Stands in place of an attack where every one of them has to be withstood."""
SURROGATES = "surrogates"
"""In settings: images made on each network of a run are shown to every other one."""
_MADE_ON = "transfer from "
"""Begins the names of the attacks that become of these."""


@dataclass(frozen=True, kw_only=True)
class AttackKind:
    """All that is known of one attack.

    Attributes:
        name: in settings, tables and on the command line.
        seed_number: of its random stream; once runs were made with it, it stays.
        label: where there is little room and its term is explained.
        in_figures: where a caption may be far away; by default the label.
        in_reports: to a reader who has nothing but the text; by default the label.
        hint: what it is, in the help of options.
        terms: in which the window explains it (`isoloss.app.state.glossary`).
        hue, mark: of its curves.
        implementation: "module:function"; the function is given an `AttackContext`.
        check: "module:function" of what refuses, given the number of classes, to begin what
            could not be carried out; "" where nothing does.
        offered: in which runs one can ask for it.
        needs_gradients: whether it follows gradients, of whichever network.
        adaptive: whether what it attacks is what answers: false of images made for the network
            without its defense.
        exact: whether gradients are those of what answers, rather than of something in its place.
        is_for_comparison: whether it is what undefended networks are attacked with, to compare a
            defense with them; of one attack.
        rank: its strength, as far as known beforehand: of several attacks, the one of the highest
            rank is shown first.
        studied: what its convergence is studied in, where it is the strongest attack of which
            that can be.
        needs_denoiser: whether it is about a defense's denoiser, and without one about nothing.
        takes_random: whether networks that draw noise may be attacked with it.
        version: which implementation, where an earlier one found something else; runs of two are
            not mixed.
        is_own: whether it is in no registry: an attack of the user's own, of which nobody knows
            what it sees.
        is_baseline: whether it asks nothing of what it attacks, so that every attack must beat it.
        takes_several: whether it is between several networks of a run.
        made_on: the network on which its images were made, where that is another of the same run.
        passes: of an attack that settings make no longer or shorter, so many answers of the network
            it asks for an image and ε at most, where a gradient counts as two more; 0 of others.
    """

    name: str
    seed_number: int
    label: str
    in_figures: str = ""
    in_reports: str = ""
    hint: str = ""
    terms: tuple[str, ...] = ()
    hue: Hue = "ink"
    mark: Mark = "circle"
    implementation: str = ""
    check: str = ""
    offered: tuple[Literal["attack", "defend"], ...] = ()
    needs_gradients: bool = False
    adaptive: bool = True
    exact: bool = True
    is_for_comparison: bool = False
    rank: int = -1
    studied: tuple[Varied, ...] = ()
    needs_denoiser: bool = False
    takes_random: bool = True
    version: str = ""
    is_own: bool = False
    is_baseline: bool = False
    takes_several: bool = False
    made_on: str = ""
    passes: int = 0

    def __post_init__(self) -> None:
        for name in ("in_figures", "in_reports"):
            if not getattr(self, name):
                object.__setattr__(self, name, self.label)

    @property
    def is_white_box(self) -> bool:
        """Whether it sees gradients of what it attacks, or may do so."""
        return (self.needs_gradients or self.is_own) and self.adaptive

    def load(self) -> Any:
        """The implementation; imports torch."""
        return pkgutil.resolve_name(self.implementation)

    def refuse_impossible(self, classes: int) -> None:
        """Refuse to begin what could not be carried out on so many classes.

        Raises:
            IsolossError: saying what is missing.
        """
        if self.check:
            pkgutil.resolve_name(self.check)(classes)


_KINDS = Registry[AttackKind]("attack")
unregister = _KINDS.unregister


def register(kind: AttackKind) -> AttackKind:
    """Add an attack, which from then on can be asked for by its name.

    Raises:
        IsolossError: if there is one of this name or of this seed number.
    """
    for other in _KINDS:
        if kind.name == other.name or kind.seed_number == other.seed_number:
            raise IsolossError(
                f"the attack {kind.name!r} with the seed number {kind.seed_number} collides with "
                f"{other.name!r}, {other.seed_number}"
            )
    return _KINDS.register(kind)


def transfer_from(network: str) -> str:
    """What tables call the attack by images that were made on another network of the run."""
    return _MADE_ON + network


_FIRST_OWN_SEED = 2**31
"""Seed numbers of registered attacks are below."""


def attack_of(name: str) -> AttackKind:
    """The attack that tables and settings call `name`; of one that is not registered (somebody's
    own, or of a newer isoloss) nothing is known but its name, from which its random stream follows.
    """
    if (kind := _KINDS.get(name)) is not None:
        return kind
    number = zlib.crc32(name.encode())
    mark = _OWN_MARKS[number % len(_OWN_MARKS)]
    if name.startswith(_MADE_ON):
        made_on = name.removeprefix(_MADE_ON)
        return replace(attack_of(SURROGATES), name=name, label=name, in_figures=name,
                       in_reports=name, mark=mark, offered=(), made_on=made_on)  # fmt: skip
    return AttackKind(
        name=name,
        seed_number=_FIRST_OWN_SEED + number % _FIRST_OWN_SEED,
        label=name.rpartition(":")[2],
        in_reports=name,
        hue="grey",
        mark=mark,
        implementation="isoloss.robustness.attacks.own:own_attack",
        offered=("attack", "defend"),
        is_own=True,
    )


def label_of(name: str) -> str:
    """What an attack is called where there is little room."""
    return attack_of(name).label


def attack_names() -> tuple[str, ...]:
    """The names of all that are registered, clean images and certificates included."""
    return _KINDS.names()


def offered(run: str) -> tuple[str, ...]:
    """The names of all that one can ask for in runs of a kind, "attack" or "defend"."""
    return tuple(kind.name for kind in _KINDS if run in kind.offered)


def comparison_attack() -> str:
    """The name of the attack that undefended networks are attacked with, beside a defense."""
    return next(kind.name for kind in _KINDS if kind.is_for_comparison)


def in_words(names: tuple[str, ...]) -> dict[str, str]:
    """{name: "PGD, gradients"}, as the window offers them."""
    kinds = map(attack_of, names)
    return {k.name: ", ".join(filter(None, (capitalized(k.label), k.hint))) for k in kinds}


def offered_in_words(run: str) -> str:
    """For help texts: "pgd (gradients), square (black box) and …"."""
    hints = {name: attack_of(name).hint for name in offered(run)}
    return listed((f"{name} ({hint})" if hint else name for name, hint in hints.items()), "and")


# In the order in which they are offered.
register(AttackKind(
    name="pgd", seed_number=0, label="PGD", hint="gradients", terms=("PGD",),
    hue="ink", mark="circle", offered=("attack",), needs_gradients=True,
    is_for_comparison=True, rank=3, studied=("steps", "restarts"),
    implementation="isoloss.robustness.attacks.pgd:pgd_attack",
))  # fmt: skip
register(AttackKind(
    name="transfer", seed_number=3, label="transfer",
    in_reports="transfer (made for the undefended network)",
    hint="made without the defense", terms=("Transfer attack",), hue="orange", mark="down",
    offered=("defend",), needs_gradients=True, adaptive=False, rank=1,
    implementation="isoloss.robustness.attacks.pgd:transfer_attack",
))  # fmt: skip
register(AttackKind(
    name="bpda", seed_number=4, label="BPDA", in_figures="BPDA with EOT",
    in_reports="BPDA (denoiser as identity) with EOT", hint="denoiser as identity",
    terms=("BPDA", "EOT"), hue="purple", mark="diamond", offered=("defend",), needs_gradients=True,
    exact=False, rank=5, needs_denoiser=True, studied=("steps", "draws", "restarts"),
    implementation="isoloss.robustness.smoothing.adaptive:bpda_attack",
))  # fmt: skip
register(AttackKind(
    name="eot", seed_number=5, label="EOT", in_figures="EOT, exact gradients",
    in_reports="EOT, exact gradients", hint="exact gradients", terms=("EOT",), hue="green",
    mark="plus", offered=("defend",), needs_gradients=True, rank=6,
    studied=("steps", "draws", "restarts"),
    implementation="isoloss.robustness.smoothing.adaptive:eot_attack",
))  # fmt: skip
register(AttackKind(
    name="square", seed_number=1, label="Square", in_reports="Square (black box)",
    hint="black box", terms=("Square attack",), hue="blue", mark="square",
    offered=("attack", "defend"), rank=2, studied=("queries",),
    implementation="isoloss.robustness.attacks.square:square_attack",
))  # fmt: skip
register(AttackKind(
    name="autoattack", seed_number=2, label="AutoAttack",
    hint="the standard ensemble", terms=("AutoAttack",), hue="magenta",
    mark="up", offered=("attack",), needs_gradients=True, rank=9, version="as published",
    passes=300 + 2700 + 3600 + 5000,
    check="isoloss.robustness.attacks.autoattack:check_autoattack",
    implementation="isoloss.robustness.attacks.autoattack:autoattack_attack",
))  # fmt: skip
register(AttackKind(
    name="apgd_ce", seed_number=10, label="APGD-CE",
    terms=("Auto-PGD",), hue="green", mark="circle", offered=("attack", "defend"),
    needs_gradients=True, rank=7, passes=300,
    implementation="isoloss.robustness.attacks.apgd:apgd_ce_attack",
))  # fmt: skip
register(AttackKind(
    name="apgd_dlr", seed_number=11, label="APGD-DLR",
    terms=("Auto-PGD",), hue="green", mark="square", offered=("attack", "defend"),
    needs_gradients=True, rank=7, passes=300, check="isoloss.robustness.attacks.apgd:check_dlr",
    implementation="isoloss.robustness.attacks.apgd:apgd_dlr_attack",
))  # fmt: skip
register(AttackKind(
    name="apgd_t", seed_number=12, label="APGD-T",
    terms=("Auto-PGD",), hue="green", mark="up", offered=("attack", "defend"),
    needs_gradients=True, rank=8, passes=2700,
    check="isoloss.robustness.attacks.apgd:check_targeted_dlr",
    implementation="isoloss.robustness.attacks.apgd:apgd_t_attack",
))  # fmt: skip
register(AttackKind(
    name="fab_t", seed_number=13, label="FAB-T",
    terms=("FAB",), hue="purple", mark="square", offered=("attack",), needs_gradients=True,
    rank=7, takes_random=False, passes=3600,
    implementation="isoloss.robustness.attacks.fab:fab_attack",
))  # fmt: skip
register(AttackKind(
    name="noise", seed_number=40, label="random noise",
    terms=("Random noise",), hue="grey", mark="down", offered=("attack", "defend"), rank=0,
    is_baseline=True, implementation="isoloss.robustness.attacks.noise:noise_attack",
))  # fmt: skip
register(AttackKind(
    name=SURROGATES, seed_number=41, label="transfer between networks",
    terms=("Transfer between networks",), hue="orange", mark="down", offered=("attack", "defend"),
    needs_gradients=True, adaptive=False, rank=1, takes_several=True,
    implementation="isoloss.robustness.attacks.pgd:transfer_attack",
))  # fmt: skip
register(AttackKind(
    name=WORST, seed_number=42, label="worst of all attacks", terms=("Worst case",),
))  # fmt: skip
register(AttackKind(name=CLEAN, seed_number=6, label="clean", rank=0))
register(AttackKind(
    name=CERTIFICATE, seed_number=7, label="certified", terms=("Certified radius",)
))  # fmt: skip


def strongest(names: tuple[str, ...] | list[str]) -> str:
    """Of some attacks the one of the highest rank; of several the first."""
    return max(names, key=lambda name: attack_of(name).rank)
