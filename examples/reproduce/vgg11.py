"""VGG-11 with batch norm on CIFAR-10: a random plane, and the plane of its own training."""

from recipe import Recipe, reproduce

RECIPE = Recipe(
    "vgg11",
    "VGG-11 with batch norm on a random plane and on that of its training",
    (
        "train --model torchvision:vgg11_bn --data DATA --epochs 30 --lr 0.05 --out RUNS/vgg11",
        "probe RUNS/vgg11 --grid 51 --tolerance 0.01 --out RUNS/vgg11-random",
        "probe RUNS/vgg11 --plane pca --grid 51 --tolerance 0.01 --out RUNS/vgg11-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
