"""Standard beside adversarial training: one architecture, trained here and by others against an
adversary of 2/255, on random planes; with the loss under attack at every point."""

from attack_truth import RECIPE as TRUTH
from recipe import Recipe, reproduce

MODEL = "examples.reproduce.published_networks:resnet4b"
HOW = "--grid 25 --samples 1000 --quantity adversarial --eps 2/255 --steps 10 --out RUNS"

RECIPE = Recipe(
    "adversarial_training",
    "ResNet-4b trained as usual, and against an adversary",
    (
        f"train --model {MODEL} --data DATA --epochs 30 --lr 0.02 --out RUNS/resnet4b-standard",
        f"probe RUNS/resnet4b-standard --data LOSSLESS {HOW}/resnet4b-standard-random",
        f"probe NETWORKS/resnet4b.pth --model {MODEL} --normalization cifar10 --data LOSSLESS "
        f"{HOW}/resnet4b-adversarial-random",
    ),
    networks=tuple(each for each in TRUTH.networks if each[0] == "resnet4b.pth"),
)

if __name__ == "__main__":
    reproduce([RECIPE])
