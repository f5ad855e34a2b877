"""The landscape of an image with and without a defense: by the networks that ship, in a minute."""

from recipe import Recipe, reproduce

RECIPE = Recipe(
    "input_space",
    "a digit's landscape, undefended and behind a denoiser",
    (
        "probe digits-classifier --space input --denoiser digits-denoiser --sigma 0.25 --draws 16 "
        "--eps 0.3 --grid 41 --height margin --out RUNS/digits-input",
    ),
)

if __name__ == "__main__":
    reproduce([RECIPE])
