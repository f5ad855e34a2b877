"""Large beside small batches (Keskar et al. 2017; Li et al. 2018, section 4): sharpness that does
not change with the scale of filters, a plane through each network, both trainings on one plane.

Both see as many images, so that the large batches make 260 steps of what are 7,820. Li et al. leave
the learning rate as it is and train for 300 epochs; so few steps would then end before any minimum.
The rate grows here with the root of the batch (Hoffer et al. 2017): 0.1 √32 is about 0.5. With the
batch itself it would be 3.2, too much without a warm-up, of which no schedule knows."""

from learning_rate import TRAIN
from recipe import Recipe, reproduce

PROBE = "--grid 51 --tolerance 0.01 --out RUNS"

RECIPE = Recipe(
    "batch_size",
    "ResNet-20 trained with batches of 128 and of 4,096",
    (
        f"{TRAIN} 0.1 --out RUNS/resnet20",
        f"{TRAIN} 0.5 --batch-size 4096 --out RUNS/resnet20-large_batch",
        "sharpness RUNS/resnet20 RUNS/resnet20-large_batch --scale filter --samples 1000 "
        "--largest 3 --out RUNS/batch_size-sharpness",
        f"probe RUNS/resnet20 {PROBE}/resnet20-random",
        f"probe RUNS/resnet20-large_batch {PROBE}/resnet20-large_batch-random",
        f"probe RUNS/resnet20 --also RUNS/resnet20-large_batch --plane pca {PROBE}/batch_size-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
