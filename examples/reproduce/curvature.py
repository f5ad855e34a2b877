"""The plane of the two steepest eigenvectors of the Hessian, and how sharp the minimum is."""

from recipe import Recipe, reproduce

RECIPE = Recipe(
    "curvature",
    "VGG-11 on the plane of its Hessian's largest eigenvectors",
    (
        "train --model torchvision:vgg11_bn --data DATA --epochs 30 --lr 0.05 --out RUNS/vgg11",
        "probe RUNS/vgg11 --plane hessian --grid 51 --tolerance 0.01 --out RUNS/vgg11-hessian",
        "sharpness RUNS/vgg11 --samples 4000 --density 60 --out RUNS/vgg11-sharpness",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
