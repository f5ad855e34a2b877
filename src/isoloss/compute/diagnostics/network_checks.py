"""What may mislead in the network itself: answers like guesses, draws, dependence on a batch."""

from __future__ import annotations

import math

from isoloss.compute.diagnostics.probed_surface import Found, ProbedSurface, percent
from isoloss.geometry.ticks import number_label

# Standard errors of a share of right answers within which it may be that of guessing.
CHANCE = 3.0
# A network that is less than so far from guessing to always being right has hardly learnt.
HARDLY = 0.1


def check_accuracy(probed: ProbedSurface) -> Found:
    """A classifier that does better than guessing."""
    origin = probed.origin
    if origin is None or not math.isfinite(origin.accuracy):
        return "ok", "There are no right answers to count."
    seen = f"{percent(origin.accuracy)} of the answers at the centre are right"
    if origin.classes is None or origin.classes < 2:
        return "ok", f"{seen}."
    guess = 1 / origin.classes
    by_chance = CHANCE * math.sqrt(guess * (1 - guess) / max(origin.answers, 1))
    learnt = origin.accuracy - guess > max(by_chance, min(HARDLY * (1 - guess), guess))
    if learnt and not origin.own > math.log(origin.classes):
        return "ok", f"{seen}."
    worse = (
        f"but the loss, {number_label(origin.own)}, is above that of guessing, "
        f"{number_label(math.log(origin.classes))}"
        if learnt
        else f"and guessing gives {percent(guess)}"
    )
    return "note", (
        f"{seen}, {worse}: are the inputs normalized as they were in training, and the classes in "
        "the same order? A network of your own may normalize as its first step (--model)."
    )


def check_batch(probed: ProbedSurface) -> Found:
    """Samples that lose the same beside whichever others."""
    meta, origin = probed.surface.meta, probed.origin
    size = meta.get("batch_size")
    if meta.get("per_batch"):
        return "note", (
            "The loss is one number for a batch: it depends on how the data are divided into "
            "batches, and standard errors are over batches."
        )
    if origin is None or origin.depends_on_batch == 0:
        return "ok", "No sample's loss was seen to depend on the others in its batch."
    return "warning", (
        f"A sample's loss depends on the others in its batch, by {percent(origin.depends_on_batch)}"
        " between batches of 8 and of 4 (as with batch norm without running statistics): what is "
        f"shown is of batches of up to {size} samples. Take the batch size of training "
        "(--batch-size), or a network that keeps statistics."
    )


def check_draws(probed: ProbedSurface) -> Found:
    """A network that gives the same whenever it is asked."""
    if probed.origin is None or not probed.origin.draws:
        return "ok", "The same samples were seen to give the same losses."
    message = (
        "The network draws at random even in eval mode (dropout, noise, sampling): the same "
        "samples give other losses each time. Standard errors include that; small bumps are the "
        "draws'. Switch the draws off (self.training), or see more samples."
    )
    return "warning", message, probed.more_samples
