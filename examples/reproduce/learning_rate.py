"""A learning rate that is too small beside a good one, both trainings on one plane."""

from recipe import Recipe, reproduce

TRAIN = "train --model torchvision:vgg11_bn --data DATA --epochs 30 --lr"

RECIPE = Recipe(
    "learning_rate",
    "VGG-11 trained with a learning rate of 0.05 and of 0.0001",
    (
        f"{TRAIN} 0.05 --out RUNS/vgg11",
        f"{TRAIN} 0.0001 --out RUNS/vgg11-small_lr",
        "probe RUNS/vgg11 --also RUNS/vgg11-small_lr --plane pca --grid 51 --tolerance 0.01 "
        "--out RUNS/learning_rate-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
