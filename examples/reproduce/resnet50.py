"""ResNet-50 on CIFAR-10: a random plane, and the plane of its own training."""

from recipe import Recipe, reproduce

RECIPE = Recipe(
    "resnet50",
    "ResNet-50 on a random plane and on that of its training",
    (
        "train --model resnet50 --stem pooled --data DATA --epochs 20 --lr 0.1 --schedule cosine "
        "--out RUNS/resnet50",
        "probe RUNS/resnet50 --grid 51 --tolerance 0.01 --out RUNS/resnet50-random",
        "probe RUNS/resnet50 --plane pca --grid 51 --tolerance 0.01 --out RUNS/resnet50-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
