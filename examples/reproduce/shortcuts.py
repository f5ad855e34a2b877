"""The famous pair (Li et al. 2018, figure 1): ResNet-56 with and without shortcuts."""

from recipe import Recipe, reproduce

TRAIN = "--data DATA --epochs 30 --lr 0.1 --out RUNS"
PROBE = "--grid 51 --tolerance 0.01 --out RUNS"

RECIPE = Recipe(
    "shortcuts",
    "ResNet-56 with and without shortcuts, trained alike",
    (
        f"train --model examples.deep_networks:resnet56 {TRAIN}/resnet56",
        f"train --model examples.deep_networks:resnet56_noshort {TRAIN}/resnet56_noshort",
        f"probe RUNS/resnet56 {PROBE}/resnet56-random",
        f"probe RUNS/resnet56_noshort {PROBE}/resnet56_noshort-random",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
