r"""The loss landscape of a physics-informed network: the loss takes derivatives of the network.

Solves the damped oscillator u″ + 2ζω u′ + ω² u = 0, u(0) = 1, u′(0) = 0 on [0, 1] (Raissi et al.
2019). A sample is a point in time, its loss the squared residual there; the initial conditions
count the same for each. The same from the command line, once this has written `pinn.pt`:

    isoloss probe pinn.pt --model examples.06_pinn:network --data examples.06_pinn:data \
        --loss examples.06_pinn:residual --range -0.5 0.5
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

import isoloss

OMEGA, ZETA = 10.0, 0.15


def derivative(values: Tensor, time: Tensor) -> Tensor:
    """(N, 1) d values / d time, to be differentiated once more."""
    return torch.autograd.grad(values.sum(), time, create_graph=True)[0]


def residual(model: nn.Module, batch: Tensor) -> Tensor:
    """(N,) what is wrong at each point in time, (N, 1), and at the start."""
    time = batch.detach().requires_grad_()
    u = model(time)
    speed = derivative(u, time)
    equation = derivative(speed, time) + 2 * ZETA * OMEGA * speed + OMEGA**2 * u
    start = torch.zeros(1, 1, requires_grad=True)
    u0 = model(start)
    conditions = (u0 - 1).square() + derivative(u0, start).square() / OMEGA**2
    return equation.squeeze(1).square() / OMEGA**4 + conditions.squeeze()


def solution(time: Tensor) -> Tensor:
    """What the equation says in closed form."""
    damped = OMEGA * math.sqrt(1 - ZETA**2)
    phase = damped * time
    swing = torch.cos(phase) + ZETA * OMEGA / damped * torch.sin(phase)
    return torch.exp(-ZETA * OMEGA * time) * swing


def network() -> nn.Module:
    """u(t), smooth."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
    )


def data() -> tuple[list[Tensor], list[Tensor]]:
    """For the command line: points in time to train on, and others to test on."""
    return [torch.linspace(0, 1, 200)[:, None]], [torch.linspace(0.0025, 0.9975, 199)[:, None]]


def main() -> None:
    model, (points,) = network(), data()[0]
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(2500):
        optimizer.zero_grad()
        residual(model, points).mean().backward()
        optimizer.step()
    with torch.no_grad():
        error = float((model(points) - solution(points)).abs().max())

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-0.5, 0.5, 31)
    surface = isoloss.probe(model, [points], plane, axis, axis, loss=residual, precision="fp32")
    surface.meta["title"] = "A network that solves a damped oscillator"
    surface.save("pinn.ply")
    torch.save(model.state_dict(), "pinn.pt")
    isoloss.render(surface, "pinn.png")
    print(f"off the solution by at most {error:.3f}; loss {surface.loss[15, 15]:.2e} at the centre")


if __name__ == "__main__":
    main()
