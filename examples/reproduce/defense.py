"""The experiment this program began with: ResNet-50 with and without CBAM, behind noise and a
denoiser. First as it was done (`legacy`), then by attacks that see the defense, then certified; and
one image's landscape with and without the defense.

The radii of `legacy` are the original's. The defended networks are attacked at three of them, the
last of which nothing should withstand: a step through the defense costs most of all here. Square
asks the defense for one draw at a time, a thousand times; the images are the first hundred of the
same order, so that the worst case over all attacks is taken image by image over both runs."""

from recipe import Recipe, reproduce

TRAIN = "--stem pooled --data DATA --epochs 20 --lr 0.1 --schedule cosine --out RUNS"
BOTH = "RUNS/resnet50 RUNS/resnet50_cbam"
BEHIND = "--denoiser RUNS/denoiser --sigma 0.25 0.5"
ORIGINAL = "--eps 0.005 0.01 0.02 0.04 0.1"
THREE = "--eps 0.01 0.04 0.5 --samples 100"

RECIPE = Recipe(
    "defense",
    "ResNet-50 with and without CBAM, undefended and behind a denoiser",
    (
        f"train --model resnet50 {TRAIN}/resnet50",
        f"train --model resnet50_cbam {TRAIN}/resnet50_cbam",
        "train --task denoiser --denoiser small --largest-sigma 1 --data DATA --epochs 30 "
        "--out RUNS/denoiser",
        f"attack {BOTH} --protocol legacy --attacks pgd {ORIGINAL} --out RUNS/legacy",
        f"defend {BOTH} {BEHIND} --protocol legacy --attacks transfer {ORIGINAL} "
        "--out RUNS/legacy-defended",
        f"attack {BOTH} --steps 20 --queries 1000 {ORIGINAL} --out RUNS/undefended",
        f"defend {BOTH} {BEHIND} --attacks transfer bpda eot noise surrogates --steps 20 --draws 8 "
        f"--convergence steps draws {THREE} --out RUNS/defended",
        f"defend {BOTH} {BEHIND} --attacks square --queries 1000 --draws 1 "
        f"--convergence none {THREE} --out RUNS/defended-square",
        f"certify {BOTH} {BEHIND} --draws 1000 --samples 200 --out RUNS/certified",
        "probe RUNS/resnet50 --space input --denoiser RUNS/denoiser --draws 8 --grid 41 "
        "--out RUNS/resnet50-input",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
