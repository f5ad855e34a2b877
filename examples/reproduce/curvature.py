"""The plane of the two steepest eigenvectors of the Hessian, and how sharp the minimum is. Both see
as many samples as a product of the Hessian with a vector has time for."""

from learning_rate import TRAIN
from recipe import Recipe, reproduce

RECIPE = Recipe(
    "curvature",
    "ResNet-20 on the plane of its Hessian's largest eigenvectors",
    (
        f"{TRAIN} 0.1 --out RUNS/resnet20",
        "probe RUNS/resnet20 --plane hessian --grid 51 --samples 1000 --out RUNS/resnet20-hessian",
        "sharpness RUNS/resnet20 --samples 1000 --density 30 --out RUNS/resnet20-sharpness",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
