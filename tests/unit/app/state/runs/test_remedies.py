"""What findings have set otherwise, told to forms and to people; also by findings of before."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.runs.remedies import in_terms, in_words, remedy_of, run_of
from isoloss.geometry.findings import Finding, findings_of
from isoloss.run import Run
from isoloss.settings import InputProbeSettings, ProbeSettings


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        ({"alpha_range": [-2.0, 2.0]}, "Range of α −2 to 2"),
        ({"samples": 400, "tolerance": None}, "Samples 400, Tolerance by default"),
        ({"precision": "fp32"}, "Precision fp32, 32 bits"),
        ({"plane": "pca", "beta_range": None}, "Plane PCA plane, Range of β by default"),
    ],
)
def test_a_remedy_fills_the_form_and_marks_what_differs(remedy, words):
    finding = Finding("warning", "range", "so", remedy)
    kept = findings_of({"findings": [finding.plain()]})
    assert kept == [finding]
    form, asked = Form(ProbeSettings), remedy_of(finding, "probe")
    form.repeat(ProbeSettings(source=Path("digits-classifier"), samples=100, tolerance=0.1,
                              beta_range=(-3.0, 3.0)))  # fmt: skip
    form.fill(asked)
    assert {f.name for f in form.fields if form.differs(f)} == set(remedy)
    assert in_words(asked, "probe") == words


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Take a larger range (--range -2 2).", {"alpha_range": (-2, 2), "beta_range": (-2, 2)}),
        ("(--alpha-range -0.5 1.5 --beta-range 2e-05 3).",
         {"alpha_range": (-0.5, 1.5), "beta_range": (2e-05, 3)}),
        ("Take --normalize filter.", {"normalize": "filter"}),
        ("fine structure may be rounding. Take --precision fp32, or auto.", {"precision": "fp32"}),
        ("With --batch-norm frozen both agree.", {"batch_norm": "frozen"}),
        ("or probe a line (--plane line).", {"plane": "line"}),
        ("Move the others alone: --parameters trainable.", {"parameters": "trainable"}),
        ("lower the learning rate, or probe --split train.", {"split": "train"}),
        ("Leave --alpha-range and --beta-range away, and the grid holds all of it.", {}),
        ("Evaluate more (--samples, or leave it away for all), or ask for a --tolerance.", {}),
        ("look at the loss in logarithms (--log-height). Take another seed (--seed).", {}),
        ("A network of your own may normalize as its first step (--model).", {}),
    ],
)  # fmt: skip
def test_what_was_found_before_remedies_were_kept_says_them_in_its_message(message, remedy):
    old = {"level": "warning", "what": "range", "message": message}
    (finding,) = findings_of({"findings": [old]})
    assert remedy_of(finding, "probe") == remedy
    assert finding.plain() == old


def test_a_remedy_of_something_else_is_none():
    broken = {"level": "note", "what": "x", "message": "", "remedy": ["samples", 3]}
    (finding,) = findings_of({"findings": [broken]})
    assert remedy_of(finding, "probe") == {}
    strange = Finding("note", "x", "", {"colour": "red", "kind": "train", "samples": 3})
    assert remedy_of(strange, "probe") == {"samples": 3}
    attacks = Finding("note", "x", "", {"plane": "attacks", "attacks": "pgd,square"})
    asked = remedy_of(attacks, "probe-input")
    assert InputProbeSettings(source=Path("digits-classifier"), **asked).attack_names == (
        "pgd",
        "square",
    )


def test_the_run_of_a_surface_is_its_folder_or_the_one_around_it(tmp_path):
    run = Run.create(tmp_path / "run", ProbeSettings(source=Path("digits-classifier")))
    assert run_of(run.folder) == run_of(run.folder / "surface.ply") == run.folder
    assert run_of(tmp_path / "other.ply") is None
    assert run_of(None) is None


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Take a smaller range (--range -0.25 0.25).",
         "Take a smaller range (Range −0.25 to 0.25)."),
        ("Take a larger one (--range -2 2).", "Take a larger one (Range −2 to 2)."),
        ("Take more steps (--steps).", "Take more steps (Steps)."),
        ("With --batch-norm frozen both agree.", "With Batch norm 'Frozen' both agree."),
        ("Probe --split train.", "Probe Split 'Training'."),
        ("Leave --alpha-range and --beta-range away, and",
         "Leave Range of α and Range of β away, and"),
        ("Evaluate more (--samples), or ask for a --tolerance.",
         "Evaluate more (Samples), or ask for a Tolerance."),
        ("More of them (--checkpoints-per-epoch).", "More of them (Checkpoints per epoch)."),
        ("Look at it in logarithms (--log-height).",
         "Look at it in logarithms (Scale 'Logarithmic')."),
        ("The loss varies by 3 − a lot.", "The loss varies by 3 − a lot."),
    ],
)  # fmt: skip
def test_the_window_tells_a_finding_in_its_own_terms(message, shown):
    assert in_terms(message) == shown
