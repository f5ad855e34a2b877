"""Large beside small batches (Keskar et al. 2017; Li et al. 2018, section 4): sharpness that does
not change with the scale of filters, a line through each network, both trainings on one plane."""

from recipe import Recipe, reproduce

TRAIN = "train --model torchvision:vgg11_bn --data DATA --epochs 30 --lr 0.05"

RECIPE = Recipe(
    "batch_size",
    "VGG-11 trained with batches of 128 and of 8,192",
    (
        f"{TRAIN} --out RUNS/vgg11",
        f"{TRAIN} --batch-size 8192 --out RUNS/vgg11-large_batch",
        "sharpness RUNS/vgg11 RUNS/vgg11-large_batch --scale filter --samples 4000 --largest 3 "
        "--out RUNS/batch_size-sharpness",
        "probe RUNS/vgg11 --plane line --points 101 --samples 10000 --out RUNS/vgg11-line",
        "probe RUNS/vgg11-large_batch --plane line --points 101 --samples 10000 "
        "--out RUNS/vgg11-large_batch-line",
        "probe RUNS/vgg11 --also RUNS/vgg11-large_batch --plane pca --grid 51 --tolerance 0.01 "
        "--out RUNS/batch_size-pca",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
