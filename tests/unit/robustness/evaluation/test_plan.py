"""What a run consists of, in which order."""

import pytest

from isoloss.robustness.evaluation.plan import Plan
from isoloss.settings import AttackSettings, CertifySettings, DefendSettings


def test_the_plan_begins_with_every_combination_on_the_first_images():
    settings = AttackSettings(source="/a", also=("/b",), keep=8, seeds=2, attacks="pgd,square")
    plan = Plan.of(settings, 500)
    assert plan.blocks == ((0, 8), (8, 40), (40, 104), (104, 232), (232, 488), (488, 500))
    assert len(plan.combinations) == 2 * 2 * 2
    assert [unit[2] for unit in plan.units[:9]] == [0] * 8 + [1]
    assert sum(plan.images(unit) for unit in plan.units) == 500 * 8
    certify = CertifySettings(source="/a", keep=0, draws=100_000)
    assert Plan.of(certify, 3).blocks == ((0, 1), (1, 2), (2, 3))


def attacked(settings):
    """(network, attack) of all combinations on undefended networks."""
    return [(c.network, c.attack) for c in Plan.of(settings, 4).combinations if c.sigma is None]


def test_images_made_on_each_network_are_shown_to_every_other():
    asked = {"attacks": "pgd,surrogates", "eps": (0.1,)}
    assert attacked(AttackSettings(source="/a", **asked)) == [(0, "pgd")]
    assert attacked(AttackSettings(source="/a", also=("/b", "/c"), **asked)) == [
        (0, "pgd"), (0, "transfer from b"), (0, "transfer from c"),
        (1, "pgd"), (1, "transfer from a"), (1, "transfer from c"),
        (2, "pgd"), (2, "transfer from a"), (2, "transfer from b"),
    ]  # fmt: skip
    defended = DefendSettings(source="/a", also=("/b",), denoiser="x/y", attacks="eot,surrogates")
    behind = [c.attack for c in Plan.of(defended, 4).combinations if c.sigma and c.network == 0]
    assert behind == ["clean", "eot", "transfer from b"]
    with pytest.raises(ValueError, match="surrogates are made on other networks: name further"):
        AttackSettings(source="/a", attacks="surrogates")


def test_a_run_that_names_its_attacks_has_no_others():
    settings = AttackSettings(source="/a", also=("/b",), attacks="pgd,square", eps=(0.1,))
    assert attacked(settings) == [(0, "pgd"), (0, "square"), (1, "pgd"), (1, "square")]


def test_on_a_gpu_blocks_grow_as_large_as_its_batches():
    settings = AttackSettings(source="here", keep=0)
    sizes = [last - first for first, last in Plan.of(settings, 5000, on="cuda").blocks]
    assert sizes == [32, 64, 128, 256, 512, 1024, 1024, 1024, 936]
    assert Plan.of(settings, 5000, on="mps").blocks == Plan.of(settings, 5000).blocks
    for draws, together in ((100, 32), (1000, 16), (100_000, 1)):
        certify = CertifySettings(source="here", draws=draws)
        assert Plan.of(certify, 40, on="cuda").blocks[0] == (0, together)
