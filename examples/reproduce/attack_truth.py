"""An attack's truth: two adversarially trained networks of others, under PGD and AutoAttack at
1/255 and 2/255, beside what their authors have published. What JPEG costs stands beside it where
`--data` is JPEG and `--lossless` is not. At the third ε every attack that works leaves nothing."""

from recipe import Recipe, reproduce

FOLDER = "https://github.com/Verified-Intelligence/alpha-beta-CROWN/raw/main/complete_verifier"
NETWORKS = ("resnet2b", "resnet4b")


def attack(network: str, data: str, attacks: str, run: str) -> str:
    """The command line of one network on one kind of images."""
    of = f"--model examples.reproduce.published_networks:{network} --normalization cifar10"
    return (
        f"attack NETWORKS/{network}.pth {of} --data {data} --eps 1/255 2/255 0.1 "
        f"--attacks {attacks} --out RUNS/{network}-{run}"
    )


RECIPE = Recipe(
    "attack_truth",
    "ResNet-2b and -4b of alpha-beta-CROWN under PGD and AutoAttack",
    (
        *(attack(n, "LOSSLESS", "pgd --steps 100 --samples 200", "pgd") for n in NETWORKS),
        *(attack(n, "JPEG", "pgd --steps 100 --samples 1000", "pgd-jpeg") for n in NETWORKS),
        *(attack(n, "LOSSLESS", "autoattack --samples 200", "autoattack") for n in NETWORKS),
    ),
    networks=tuple((f"{n}.pth", f"{FOLDER}/models/cifar10_resnet/{n}.pth") for n in NETWORKS),
)

if __name__ == "__main__":
    reproduce([RECIPE])
