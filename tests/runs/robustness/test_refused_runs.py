"""What cannot be evaluated is refused in a line, and leaves nothing."""

from contextlib import suppress

import pytest
from pydantic import ValidationError
from tests.runs.robustness.lab import attack, certify, defend

from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.run import Run
from isoloss.settings import explain
from isoloss.work import prepare, resume


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (attack, {"eps": (-0.1,)}, "--eps: input should be greater than or equal to 0"),
        (attack, {"eps": (0.0,)}, "--eps: give at least one radius above 0"),
        (attack, {"eps": (0.1, 8.0)}, "8 reaches beyond all of them: of 256 levels 8 are 8/255"),
        (attack, {"eps": "1/x"}, "'1/x' is no number"),
        (attack, {"attacks": "pgd,fgsm"}, "there is no attack 'fgsm': choose of pgd, square"),
        (attack, {"attacks": "bpda"}, "bpda is not for such runs: choose of pgd, square"),
        (defend, {"attacks": "fab_t"}, "fab_t is not for such runs: choose of transfer, bpda"),
        (attack, {"targeted": "3"}, "knows no class 3: it has 0 to 2"),
        (defend, {"targeted": "9" * 20}, f"knows no class {'9' * 20}: it has 0 to 2"),
        (attack, {"protocol": "legacy", "steps": 7}, "the legacy protocol has its own --steps"),
        (attack, {"protocol": "legacy", "norm": "l2", "steps": 20}, "legacy protocol is in linf"),
        (attack, {"model": None}, "a checkpoint file does not say what it belongs to: give --mode"),
        (attack, {"data": "labuser:too_bright"}, "images must lie in [0, 1], these reach from"),
        (attack, {"network": "nothing", "file": "nothing"}, "the network gives NaN for 8 of 8"),
        (
            attack,
            {"attacks": "autoattack"},
            "autoattack is for 4 classes and more, the data have 3: take apgd_ce, fab_t and",
        ),
        (
            attack,
            {"attacks": "pgd,apgd_t"},
            "apgd_t is for 4 classes and more, the data have 3: take apgd_ce or fab_t",
        ),
        (attack, {"loss": "math:sqrt"}, "the loss failed: TypeError"),
        (attack, {"loss": "torch:dot"}, "the loss failed: RuntimeError"),
        (defend, {"loss": "torch:numel"}, "the loss failed: TypeError"),
        (attack, {"loss": "torch.nn.functional:cross_entropy"}, "a loss gives (8,) floats for 8"),
        (attack, {"loss": "dlr", "targeted": "1"}, "aimed at a class is for 4 classes and more"),
        (defend, {"denoiser": "nowhere"}, "there is no denoiser nowhere: give its folder"),
        (defend, {"denoiser": " "}, "--denoiser: say which: a folder, a name on the hub"),
        (defend, {"sigma": (80.0,)}, "σ = 80 is outside the denoiser's schedule"),
        (defend, {"sigma": (0.0,)}, "--sigma: input should be greater than 0"),
        (certify, {"data": "digits"}, "is of another architecture: 5.weight is (3, 32), not (10"),
    ],
)
def test_wrong_requests_are_refused_in_one_line(lab, tmp_path, kind, wrong, message):
    folder = tmp_path / "run"

    def ask():
        try:
            settings = kind(lab, **wrong)
        except ValidationError as error:
            raise IsolossError(explain(error)) from error
        prepared = prepare(settings)
        list(resume(Run.create(folder, settings), prepared))

    with pytest.raises(IsolossError) as caught:
        ask()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not folder.exists()


DEFENSE = ("--denoiser", "den", "--sigma", "0.2")
LARGER = ("masked", "--model", "labuser:resizing", "--data", "labuser:larger")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["attack", "--eps", "-0.1"], "--eps: input should be greater than or equal to 0"),
        (["attack", "--data", "labuser:too_bright"], "images must lie in [0, 1], these reach"),
        (["attack", "--data", "labuser:four_classes"], "(3, 32), not (4, 32)"),
        (["attack", "nothing", "--model", "labuser:nothing"], "gives NaN for 8 of 8 images"),
        (["attack", "masked", "--model", "labuser:no_gradient"], "no gradient reaches the images"),
        (["attack", "masked", "--model", "labuser:nan_gradient"], "is not finite for 8 of 8"),
        (["defend", *LARGER, *DEFENSE], "the denoiser is for 8×8 images"),
        (["defend", *DEFENSE[:2], "--sigma", "99"], "σ = 99 is outside the denoiser's schedule"),
        (["defend", "masked", "--model", "labuser:no_gradient", *DEFENSE], "no gradient reaches"),
        (["certify", *DEFENSE[:2], "--sigma", "99"], "σ = 99 is outside the denoiser's schedule"),
        (["certify", *LARGER, *DEFENSE], "the denoiser is for 8×8 images"),
        (
            ["certify", "masked", "--model", "labuser:nan_in_noise", "--sigma", "0.9"],
            "the network gives NaN for",
        ),
    ],
)
def test_what_the_command_line_refuses_leaves_nothing(
    lab, tmp_path, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(lab)
    command, *rest = words
    source = rest.pop(0) if rest[0] in ("nothing", "masked") else "net"
    usual = {"--model": "labuser:network", "--data": "labuser:data", "--samples": "12"}
    for name, value in usual.items():
        rest += [] if name in rest else [name, value]
    out = tmp_path / "run"
    with suppress(SystemExit):
        assert main([command, f"{source}.safetensors", *rest, "--out", str(out)]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not out.exists()
