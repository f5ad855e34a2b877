"""The rules of docs/wording.md, as far as they can be checked, over every text of the window.

The texts are gathered from the actions, the settings models, the glossary, and the literals that
the window's source hands to what draws them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from isoloss.app.actions.all_actions import all_actions
from isoloss.app.panels.registry import PANELS
from isoloss.app.state.glossary import GLOSSARY, explanation, matching, of_texture
from isoloss.app.state.terms import OF_FIELD, of_field
from isoloss.app.state.tour import STEPS
from isoloss.app.ui.docking import Docking
from isoloss.scene.textures import TEXTURES
from isoloss.settings import KINDS
from isoloss.settings.text import each_of, help_of

APP = Path(__file__).parents[3] / "src" / "isoloss" / "app"

SYNONYMS = {
    r"director(y|ies)": "folder",
    r"snapshots?": "checkpoint",
    r"datasets?": "data",
    r"models?": "network",
    r"(optimi[sz]ation|optimi[sz]er'?s?) paths?": "trajectory",
    r"heat ?maps?": "surface",
    r"colou?r ?(maps|bars?)|color map": "colormap, scalar bar",
    r"legend bars?": "scalar bar",
    r"isolines?|contour lines?": "contours",
    r"abort(ed)?|kill(ed)?|terminate[sd]?": "cancel",
    r"error bars?": "standard error",
    r"please|sorry|oops|successful(ly)?|simply|just": "nothing",
    r"invalid|illegal|fatal": "what is wrong",
    r"dialog(ue)?|popup|widget": "what it is for",
    r"colors?": "colour",
}
"""What is not said, and what is said instead."""
SAID_ALL_THE_SAME = ("Error bar", "error bars")
"""The texture's name, as figures have them."""
PROPER = r"PCA|PGD|EOT|BPDA|PNG|SVG|PDF|MP4|CSV|GPU|CPU|α|β|ε|σ|Gaussian|Nesterov|CIFAR|F1"

LABEL, TIP, PROSE = "label", "tip", "prose"
DRAWS = {
    "row": (LABEL, TIP),
    "heading": (LABEL,),
    "hint": (TIP,),
    "set_tooltip": (TIP,),
    "muted": (PROSE,),
    "wrapped": (PROSE,),
    "say": (PROSE,),
    "icon_button": ("", "", TIP),
    "toggle_button": (LABEL, "", "", TIP),
    "primary_button": (LABEL,),
    "button": (LABEL,),
    "checkbox": (LABEL,),
    "radio_button": (LABEL,),
    "menu_item": (LABEL,),
    "begin_menu": (LABEL,),
    "begin_tab_item": (LABEL,),
    "tree_node_ex": (LABEL,),
    "input_text_with_hint": ("", LABEL),
}
"""What the arguments of the functions that draw are: a label names, a tip or prose tells."""


@dataclass(frozen=True)
class Text:
    """One text of the window."""

    where: str
    kind: str
    text: str


def literal(node: ast.expr) -> str | None:
    """What a literal shows: without icons and what only imgui sees; … stands for a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        ]
        text = re.sub(r"\{fa\.\w+\}|\{icon\}", "", "".join(map(str, parts)))
        text = re.sub(r"\{[^{}]*\}", "…", text)
    else:
        return None
    text = text.partition("##")[0].strip()
    return text if re.search(r"[A-Za-z]{2}", text) else None


def drawn_texts() -> Iterator[Text]:
    """Every literal that the window's source draws."""
    for file in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            for kind, argument in zip(DRAWS.get(name, ()), node.args, strict=False):
                text = literal(argument) if kind else None
                if text:
                    yield Text(f"{file.name}:{node.lineno}", kind, text)


@cache
def all_texts() -> tuple[Text, ...]:
    found = list(drawn_texts())
    for action in all_actions(MagicMock(docking=Docking(PANELS))):
        label = re.sub("<MagicMock.*?>", "…", action.label)
        found.append(Text(f"action {action.id}", LABEL, label))
    for kind, model in KINDS.items():
        for name, field in model.model_fields.items():
            if name != "kind":
                found.append(Text(f"settings {kind}.{name}", LABEL, field.title or ""))
                found.append(Text(f"settings {kind}.{name}", TIP, help_of(field)))
                told = (f"{help_of(field)}: {what}" for what in each_of(field).values())
                found += [Text(f"settings {kind}.{name}", TIP, text) for text in told]
    found += [Text(f"texture {t.name}", LABEL, t.label) for t in TEXTURES]
    for step in STEPS:
        told = re.split(r"(?<=[.]) ", step.text)
        found += [Text(f"tour {step.title}", PROSE, sentence) for sentence in told]
        found += [Text(f"tour {step.title}", TIP, touch.text) for touch in step.touches]
    found += [Text("glossary", LABEL, e.term) for e in GLOSSARY]
    found += [Text(f"glossary {e.term}", PROSE, e.text) for e in GLOSSARY]
    return tuple(found)


def offenders(is_wrong: Callable[[str], object], *kinds: str) -> list[str]:
    """The texts of these kinds (of all, if none is named) with which something is wrong."""
    return [
        f"{t.where}: {t.text!r}"
        for t in all_texts()
        if (not kinds or t.kind in kinds) and is_wrong(t.text)
    ]


def test_the_texts_are_found():
    texts = {t.text for t in all_texts()}
    assert {"Open…", "Contours", "Output folder", "Where the run is kept", "Seed"} <= texts
    assert "Directions scaled like the network's own filters" in " ".join(texts)
    assert len(texts) > 150


def test_no_text_is_missing():
    assert not offenders(lambda t: not t.strip())


def test_labels_end_in_no_punctuation_but_the_three_dots():
    assert not offenders(lambda t: re.search(r"[:.!;,?]$", t), LABEL)


def test_tips_of_one_sentence_end_without_a_full_stop():
    assert not offenders(lambda t: t.endswith((".", ":", ",")) and ". " not in t, TIP)


def test_prose_is_whole_sentences():
    def ends_openly(text: str) -> bool:
        return len(text.split()) > 4 and text.endswith((":", ",", ";"))

    assert not offenders(ends_openly, PROSE)


def test_sentence_case():
    def has_capitals_inside(text: str) -> bool:
        bare = re.sub(rf"\(.*?\)|[^\w\s'-]|\b({PROPER})\b", "", text)
        return any(word[:1].isupper() for word in bare.split()[1:])

    assert not offenders(has_capitals_inside, LABEL)
    assert not offenders(lambda t: t[:1].islower() and t[:1].isascii(), LABEL)


def test_nothing_is_exclaimed_and_dots_are_one_character():
    assert not offenders(lambda t: "!" in t)
    assert not offenders(lambda t: "..." in t)


def test_texts_are_short():
    assert not offenders(lambda t: len(t) > 44, LABEL)
    assert not offenders(lambda t: len(t) > 190)


@pytest.mark.parametrize("synonym", SYNONYMS, ids=SYNONYMS.get)
def test_the_words_of_the_architecture_and_no_synonyms(synonym):
    def says(text: str) -> object:
        for allowed in SAID_ALL_THE_SAME:
            text = text.replace(allowed, "")
        return re.search(rf"\b(?:{synonym})\b", text, re.IGNORECASE)

    assert not offenders(says), f"say {SYNONYMS[synonym]}"


def test_each_term_is_explained_in_one_sentence_with_where_to_read_on():
    for entry in GLOSSARY:
        assert entry.text.endswith("."), entry.term
        assert ". " not in entry.text.replace("et al. ", ""), entry.term
        assert entry.text[:1].isupper() or entry.text[:1] in "bθ", entry.term
        for paper in entry.papers:
            assert re.fullmatch(r"[\w .ö-]+ (19|20)\d\d[ab]?", paper.cited), paper
            assert re.fullmatch(
                r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\..+)", paper.url
            )
    assert len({e.term for e in GLOSSARY}) == len(GLOSSARY)
    with_paper = [e for e in GLOSSARY if e.papers]
    assert len(with_paper) > 0.9 * len(GLOSSARY)


def test_what_is_explained_is_there():
    assert all(explanation(t) for terms in OF_FIELD.values() for t in terms)
    explained = {t.name for t in TEXTURES if of_texture(t)}
    of_images = {"class", "margin", "cross-entropy"}
    of_values = {"slope", "curvature", "error-bar", "spread", "differs", "contour-bands"}
    assert explained == of_values | of_images
    assert all(e in GLOSSARY for t in TEXTURES for e in of_texture(t))
    fields = {name for model in KINDS.values() for name in model.model_fields}
    for name in ("plane", "normalize", "batch_norm", "tolerance", "planes", "precision", "to"):
        assert name in fields
        assert of_field(name), name
    assert [e.term for e in of_field("schedule", "train")] == ["Learning-rate drops"]
    assert not of_field("schedule", "attack"), "lengths of steps are no learning rates"
    assert of_field("eps", "attack") == of_field("eps", "defend") != []


def test_the_glossary_is_searched_by_all_words_typed():
    assert matching("filter norm")[0].term == "Filter normalization"
    assert matching("SECOND component 3 %")[0].term == "Explained variance"
    assert {e.term for e in matching("böttcher")} >= {"Random plane", "Spread"}
    assert matching("no such thing as this") == []
    assert list(matching("")) == list(GLOSSARY)
