"""What a run consists of, in which order."""

from isoloss.robustness.evaluation.plan import Plan
from isoloss.settings import AttackSettings, CertifySettings


def test_the_plan_begins_with_every_combination_on_the_first_images():
    settings = AttackSettings(source="/a", also=("/b",), keep=8, seeds=2)
    plan = Plan.of(settings, 500)
    assert plan.blocks == ((0, 8), (8, 40), (40, 104), (104, 232), (232, 488), (488, 500))
    assert len(plan.combinations) == 2 * 2 * 2
    assert [unit[2] for unit in plan.units[:9]] == [0] * 8 + [1]
    assert sum(plan.images(unit) for unit in plan.units) == 500 * 8
    certify = CertifySettings(source="/a", keep=0, draws=100_000)
    assert Plan.of(certify, 3).blocks == ((0, 1), (1, 2), (2, 3))
