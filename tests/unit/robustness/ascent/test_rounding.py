"""Images as files hold them: in the ball, by whole levels, with the network's gradient."""

import pytest
import torch
from torch import nn

from isoloss.robustness.ascent.ball import L2Ball, LInfBall
from isoloss.robustness.ascent.rounding import Rounded, in_8_bits, radius_of_files


@pytest.mark.parametrize("ball", [LInfBall(0.01), LInfBall(0.05), L2Ball(0.5), L2Ball(0.03)])
def test_images_of_8_bits_stay_in_the_ball(ball):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randint(256, (6, 3, 8, 8), generator=generator) / 255
    moved = ball.project(clean + ball.random_offsets(clean, generator) * 2, clean).clamp(0, 1)
    for centre in (clean, (clean + 0.3 / 255).clamp(0, 1)):
        moved = ball.project(moved, centre).clamp(0, 1)
        file = in_8_bits(moved, centre, ball)
        torch.testing.assert_close(file * 255, (file * 255).round(), rtol=0, atol=1e-4)
        assert float((file - moved).abs().max()) < 1.001 / 255
        if centre is clean:  # what is itself of 8 bits has a way back
            assert float(ball.distance(file, clean).max()) <= ball.eps + 2e-5
            assert not torch.equal(file, clean) or ball.eps < 0.1
    assert torch.equal(in_8_bits(clean, clean, LInfBall(0.0)), clean)


@pytest.mark.parametrize(("eps", "levels"), [(0.005, 1), (2 / 255, 2), (0.01, 2), (0.003, 0)])
def test_files_move_by_whole_levels(eps, levels):
    assert radius_of_files("linf", eps) == pytest.approx(levels / 255)
    assert radius_of_files("l2", eps) == eps


def test_a_rounded_network_sees_a_file_and_has_the_gradient_of_the_network():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    seen = Rounded(nn.Identity())(images)
    levels = seen.detach() * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert 0 < float((seen - images).detach().abs().max()) <= 0.5001 / 255
    seen.square().sum().backward()
    torch.testing.assert_close(images.grad, 2 * seen.detach())
