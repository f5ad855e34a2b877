"""Which tensor of a checkpoint is which of a network's, where wrappers have changed their names.

`nn.DataParallel`, `torch.compile`, Lightning and the like put words into names: before them, or in
their middle. What counts of a name is therefore what tells it from its siblings: of `net` in
`net.0.weight` and `net.2.weight` nothing is learnt, and it is left out. Two sets of names are the
same if what is left is the same, tensor by tensor, and so are their forms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple, Self

from torch import Tensor, nn

from isoloss.naming import first_of

# What `AveragedModel`, profilers, and modules with a state of their own add to the tensors.
_BESIDE = ("n_averaged", "total_ops", "total_params", "_extra_state", "num_batches_tracked")


class Form(NamedTuple):
    """The shape of a tensor, and what numbers it holds: "real", "complex" or "whole" ones."""

    shape: tuple[int, ...]
    numbers: str

    @classmethod
    def of(cls, tensor: Tensor) -> Self:
        """That of a tensor."""
        real = "real" if tensor.is_floating_point() else "whole"
        return cls(tuple(tensor.shape), "complex" if tensor.is_complex() else real)


Forms = Mapping[str, Form]
Names = dict[str, str]
"""{name in the network: name in the checkpoint}."""


@dataclass(frozen=True)
class Wanted:
    """The tensors of a network that a checkpoint is to bring.

    Attributes:
        forms: {name: form}.
        ties: names of one and the same tensor, which a checkpoint may have only once.
        spare: what may be missing, since a network has it from the beginning: positions, indices.
        unkept: buffers that the network does not save, but that others may have saved.
        others_beside: whether a checkpoint that has them by these names may have others too.
    """

    forms: Forms
    ties: tuple[tuple[str, ...], ...] = ()
    spare: frozenset[str] = frozenset()
    unkept: tuple[str, ...] = ()
    others_beside: bool = False

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        """What a state dict holds."""
        return cls(forms_of(state))

    @classmethod
    def of_network(cls, network: nn.Module) -> Self:
        """All parameters and buffers that a network saves."""
        forms = forms_of(network.state_dict())
        named: dict[int, list[str]] = {}
        for name, parameter in network.named_parameters(remove_duplicate=False):
            named.setdefault(id(parameter), []).append(name)
        buffers = [k for k, _ in network.named_buffers()]
        return cls(
            forms,
            tuple(tuple(names) for names in named.values() if len(names) > 1),
            frozenset(k for k in buffers if k in forms and forms[k].numbers == "whole"),
            tuple(k for k in buffers if k not in forms),
        )

    def only(self, names: Collection[str]) -> Wanted:
        """These tensors alone."""
        return Wanted({k: f for k, f in self.forms.items() if k in names}, unkept=self.unkept)

    def names_in(self, given: Forms) -> list[Names]:
        """The ways in which tensors of a checkpoint may be this network's: none where it is of
        another one, several where it holds several that fit."""
        needed = self._counting(given)
        # Nearly always: a checkpoint of this very network.
        is_all = self.others_beside or needed.keys() <= self.forms.keys()
        if is_all and all(given.get(k) == f for k, f in self.forms.items()):
            return [{k: k for k in self.forms}]
        for variant in self._variants():
            own = _essential(variant)
            found = [
                self._completed({own[k]: theirs[k] for k in own}, given)
                for theirs in map(_essential, _parts(needed, len(variant)))
                if theirs.keys() == own.keys()
                and all(given[theirs[k]] == variant[own[k]] for k in own)
            ]
            if found:
                return found
        return []

    def difference(self, given: Forms) -> str:
        """What is otherwise in a checkpoint that does not fit, by the names its user knows."""
        needed = self._counting(given)
        variant = [v for v in self._variants() if not self._added & v.keys()][-1]
        own, theirs = max(
            self._alignments(variant, needed),
            key=lambda sides: 2 * len(sides[0].keys() & sides[1].keys()) - len(sides[1]),
        )
        place = {name: k for k, name in own.items()}
        pairs = [(theirs[place[k]], f) for k, f in variant.items() if place[k] in theirs]
        unlike = [(k, given[k], wanted) for k, wanted in pairs if given[k] != wanted]
        missing = [self._bare(k) for k in variant if place[k] not in theirs]
        further = [name for k, name in theirs.items() if k not in own]
        if not pairs:
            return f"it has {first_of(list(needed or given))}, the network {first_of(missing)}"
        said = (
            [first_of([_unlike(*each) for each in unlike]) + _of_classes(unlike)] if unlike else []
        )
        if missing:
            said.append(f"it has no tensor {first_of(missing)}")
        if further:
            said.append(f"the network has no {first_of(further)}")
        return "; ".join(said)

    def _alignments(
        self, variant: Forms, needed: Forms
    ) -> Iterator[tuple[dict[Any, str], dict[Any, str]]]:
        """The ways to lay names side by side: ({key: name here}, {key: name in a checkpoint})."""
        own, literal = _essential(variant), {self._bare(k): k for k in variant}
        for part in _parts(needed, 1):
            prefix = shared_prefix(part)
            cuts = [0, *(i + 1 for i, letter in enumerate(prefix) if letter == ".")]
            yield from ((literal, {k[cut:]: k for k in part}) for cut in cuts)
            yield own, _essential(part)
        yield own, {}

    @property
    def _added(self) -> frozenset[str]:
        """The buffers of the normalization that is put before networks called by name."""
        added = frozenset({"mean", "std"})
        inside = all(k in added or k.startswith("network.") for k in self.forms)
        return added if inside and added < self.forms.keys() else frozenset()

    def _bare(self, name: str) -> str:
        return name.removeprefix("network.") if self._added else name

    def _counting(self, given: Forms) -> Forms:
        """The tensors of a checkpoint that must be the network's."""
        unkept = {_end(k) for k in self.unkept} - {_end(k) for k in self.forms}
        return {k: f for k, f in counting(given).items() if not unkept & {_end(k), _leaf(k)}}

    def _variants(self) -> Iterator[Forms]:
        """What may be all that a checkpoint has of this network: with and without what is put
        before it, with one or with all names of a tied tensor, with and without what is spare."""
        nothing = frozenset[str]()
        once = [
            frozenset(k for tie in self.ties for k in tie if k != tie[i % len(tie)])
            for i in range(max(map(len, self.ties), default=0))
        ]
        for added in [nothing, self._added] if self._added else [nothing]:
            for tied in [nothing, *once]:
                for spare in [nothing, self.spare] if self.spare else [nothing]:
                    left_out = added | tied | spare
                    yield {k: f for k, f in counting(self.forms).items() if k not in left_out}

    def _completed(self, names: Names, given: Forms) -> Names:
        """With all names of tied tensors, and what stands beside others of the same module."""
        for tie in self.ties:
            there = [names[k] for k in tie if k in names]
            if there:
                names = dict.fromkeys(tie, there[0]) | names
        modules = {_module(k): _module(v) for k, v in names.items()}
        for name in self.forms.keys() - names.keys():
            beside = modules.get(_module(name), "\0") + _leaf(name)
            if given.get(beside) == self.forms[name]:
                names[name] = beside
        return names


def forms_of(state: Mapping[str, Any]) -> dict[str, Form]:
    """The forms of the tensors among what a state dict holds."""
    return {k: Form.of(t) for k, t in state.items() if isinstance(t, Tensor)}


def counting(forms: Forms) -> dict[str, Form]:
    """Without what wrappers and profilers add, or what a network can do without."""
    return {k: f for k, f in forms.items() if _leaf(k) not in _BESIDE}


def shared_prefix(names: Iterable[str]) -> str:
    """The modules that all names begin with, with the last one's point."""
    modules = [name.split(".")[:-1] for name in names]
    shared = takewhile(lambda words: len(set(words)) == 1, zip(*modules, strict=False))
    return "".join(f"{words[0]}." for words in shared)


def _parts(names: Collection[str], least: int) -> Iterator[list[str]]:
    """All names, and those below each prefix that has at least so many of them."""
    waiting = [("", list(names))] if len(names) >= max(least, 1) else []
    for prefix, part in waiting:
        if len(part) < len(names) or not prefix:
            yield part
        below = _by_word(part, len(prefix))
        # A number is a layer's place: what is there is a part of a network, never a whole one.
        waiting += [
            (f"{prefix}{word}.", fewer)
            for word, fewer in below.items()
            if len(fewer) >= least and (len(fewer) == len(part) or not word.isdecimal())
        ]


def _essential(names: Iterable[str]) -> dict[tuple[str, ...], str]:
    """{what tells a name from its siblings: the name}."""
    found: dict[tuple[str, ...], str] = {}
    waiting: list[tuple[tuple[str, ...], int, list[str]]] = [((), 0, list(names))]
    for kept, start, part in waiting:
        below = _by_word(part, start)
        alone = any(len(fewer) == len(part) for fewer in below.values())
        waiting += [
            (kept if alone else (*kept, word), start + len(word) + 1, fewer)
            for word, fewer in below.items()
        ]
        found |= {(*kept, name[start:]): name for name in part if "." not in name[start:]}
    return found


def _by_word(names: Iterable[str], start: int) -> dict[str, list[str]]:
    """The names that go on below it, by their next word."""
    found: dict[str, list[str]] = {}
    for name in names:
        word, dot, _ = name[start:].partition(".")
        if dot:
            found.setdefault(word, []).append(name)
    return found


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _module(name: str) -> str:
    """What stands before the leaf, with its point."""
    return name[: len(name) - len(_leaf(name))]


def _end(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def _unlike(name: str, given: Form, wanted: Form) -> str:
    if given.shape != wanted.shape:
        return f"{name} is {given.shape}, not {wanted.shape}"
    return f"{name} holds {given.numbers} numbers, not {wanted.numbers} ones"


def _of_classes(unlike: Sequence[tuple[str, Form, Form]]) -> str:
    """What it means if nothing differs but the length of the last layer."""
    lengths = {(g.shape[:1], w.shape[:1]) for _, g, w in unlike}
    if len(unlike) > 2 or len(lengths) > 1 or any(g.shape[1:] != w.shape[1:] for _, g, w in unlike):
        return ""
    ((given, wanted),) = lengths
    if not given or given == wanted:
        return ""
    return f" (it tells {given[0]:,} classes apart, the network {wanted[0]:,})"
