"""Networks that others have trained to the end, on random planes: ResNet-20 and -56."""

from recipe import Recipe, reproduce

NETWORKS = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"
OF = "--model examples.reproduce.published_networks"
DATA = "--normalization imagenet --data LOSSLESS"
PROBE = f"{DATA} --grid 51 --tolerance 0.01 --out RUNS"
PGD = f"{DATA} --attacks pgd --eps 8/255 --samples 200 --out RUNS"

RECIPE = Recipe(
    "published_surfaces",
    "ResNet-20 and ResNet-56 as published by akamaster, on random planes",
    (
        f"attack NETWORKS/resnet20-12fca82f.th {OF}:resnet20 {PGD}/resnet20-published-pgd",
        f"attack NETWORKS/resnet56-4bfd9763.th {OF}:resnet56 {PGD}/resnet56-published-pgd",
        f"probe NETWORKS/resnet20-12fca82f.th {OF}:resnet20 {PROBE}/resnet20-published-random",
        f"probe NETWORKS/resnet56-4bfd9763.th {OF}:resnet56 {PROBE}/resnet56-published-random",
    ),
    networks=tuple(
        (name, f"{NETWORKS}/{name}") for name in ("resnet20-12fca82f.th", "resnet56-4bfd9763.th")
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
