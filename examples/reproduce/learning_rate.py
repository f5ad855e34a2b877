"""A learning rate that is too small beside a good one, both trainings on one plane."""

from recipe import Recipe, reproduce

TRAIN = "train --model resnet20 --data DATA --epochs 20 --schedule cosine --lr"

RECIPE = Recipe(
    "learning_rate",
    "ResNet-20 trained with a learning rate of 0.1 and of 0.0001",
    (
        f"{TRAIN} 0.1 --out RUNS/resnet20",
        f"{TRAIN} 0.0001 --out RUNS/resnet20-small_lr",
        "probe RUNS/resnet20 --also RUNS/resnet20-small_lr --plane pca --grid 51 "
        "--tolerance 0.01 --out RUNS/learning_rate-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
