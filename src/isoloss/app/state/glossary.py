"""What the terms on the screen mean: one sentence each, with the paper, written once.

Tooltips, the layers panel and the help window's glossary all read this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.app.state.papers import (
    AINSWORTH,
    ANDRIUSHCHENKO,
    ANTOGNINI,
    ATHALYE,
    BENJAMINI,
    BOTTCHER,
    BOUNDARY,
    CARLINI,
    CLOPPER,
    COHEN,
    CROCE,
    DIFFBREAK,
    DIFFPURE,
    DINH,
    DRAXLER,
    EDELSBRUNNER,
    EVALUATING,
    FRANKLE,
    GARIPOV,
    GILES,
    GOODFELLOW,
    IOFFE,
    IZMAILOV,
    JORDAN,
    KALAMKAR,
    KESKAR,
    LI,
    LORENSEN,
    MADRY,
    PAPERNOT,
    RUDIN,
    SYNTHESIZING,
    WAGNER,
    YAO,
    Paper,
)
from isoloss.scene.textures import TEXTURES, Texture


@dataclass(frozen=True)
class Explanation:
    """One term.

    Attributes:
        term: as the window writes it; it is also the key.
        text: one sentence.
        papers: to read on, the one that matters most first.
    """

    term: str
    text: str
    papers: tuple[Paper, ...] = ()

    @property
    def cited(self) -> str:
        """The papers in one line; "" where there are none."""
        return "; ".join(paper.cited for paper in self.papers)


def _shown_by(texture: Texture, *papers: Paper) -> Explanation:
    return Explanation(texture.term or texture.label, texture.explained, papers)


GLOSSARY = (
    Explanation(
        "Plane",
        "A flat cut through parameter space, θ(α, β) = θ* + α·δ + β·η, over which the loss is "
        "evaluated.",
        (LI,),
    ),
    Explanation(
        "Random plane",
        "Two random directions through the network show how it does when its weights are "
        "disturbed, and nothing of the way it was trained.",
        (LI, BOTTCHER),
    ),
    Explanation(
        "Plane of given directions",
        "Along directions that others have drawn a surface of theirs can be computed again, and "
        "another network's compared with it point by point.",
        (LI,),
    ),
    Explanation(
        "PCA plane",
        "The two directions along which the checkpoints differ most show the way the network was "
        "trained; random ones hardly see it move.",
        (LI,),
    ),
    Explanation(
        "Explained variance",
        "The share of the trajectory's movement that lies along an axis, so a second component "
        "of 3 % shows a detail of it; even a random walk has most of its own in the first few.",
        (LI, ANTOGNINI),
    ),
    Explanation(
        "Off-plane distance",
        "How far a checkpoint lies beside the plane; its true loss can differ from the surface's "
        "below it.",
        (LI,),
    ),
    Explanation(
        "Interpolation",
        "The loss on the straight line between two networks: a hump, or barrier, says that they "
        "lie in different valleys along that line; a bent path may lead around it.",
        (GOODFELLOW, DRAXLER, GARIPOV),
    ),
    Explanation(
        "Barrier",
        "How far the loss between two networks rises above the straight line between their own "
        "losses; another order of channels may lower it, so it says little of the networks alone.",
        (FRANKLE, AINSWORTH),
    ),
    Explanation(
        "Alignment",
        "Channels in another order make the same network; in the order in which two networks' "
        "weights are most alike, what is left of the barrier is no matter of order.",
        (AINSWORTH, JORDAN),
    ),
    Explanation(
        "Hessian plane",
        "The two directions along which the loss curves most; almost all others are flat, so it "
        "shows the network from its sharpest side.",
        (YAO,),
    ),
    Explanation(
        "Gradient plane",
        "The direction of steepest descent beside another one; near the end of a training the "
        "gradient is small, and mostly that of the samples that were seen.",
    ),
    Explanation(
        "Plane of three networks",
        "The only plane through all three, with true distances; what lies between them on it need "
        "not be what any training passes through.",
        (GARIPOV,),
    ),
    Explanation(
        "Filter normalization",
        "Directions scaled like the network's own filters keep the scale of its weights, which "
        "means little, from deciding how sharp the surface looks.",
        (LI, DINH),
    ),
    Explanation(
        "Batch norm",
        "Frozen keeps the network's statistics at every point; recalibrated measures them anew, "
        "as one would after moving the weights.",
        (IOFFE, LI, IZMAILOV),
    ),
    _shown_by(Texture.ERROR_BAR),
    Explanation(
        "Tolerance",
        "Probing stops as soon as the error is below this share of the surface's range at every "
        "point, which can spare most of the work.",
        (GILES,),
    ),
    Explanation(
        "Multilevel",
        "Finer cells are predicted image by image from their coarser neighbours, and only what "
        "that misses is sampled.",
        (GILES,),
    ),
    Explanation(
        "Precision",
        "bf16 keeps 8 bits of each factor of a matrix product, tf32 11 and fp32 24; auto uses the "
        "fastest that agrees with fp32 at the points it checks.",
        (KALAMKAR,),
    ),
    Explanation(
        "Several planes",
        "The mean over planes of different seeds and, at each point, how much they spread: a "
        "feature of one plane that the others lack is chance.",
        (BOTTCHER,),
    ),
    _shown_by(Texture.SPREAD, BOTTCHER),
    _shown_by(Texture.DIFFERS, BENJAMINI),
    Explanation(
        "Log height",
        "Heights follow the logarithm of the loss, so that valleys stay visible below walls a "
        "thousand times as high; the values read off stay losses.",
        (LI,),
    ),
    _shown_by(Texture.BANDS, LORENSEN),
    _shown_by(Texture.SLOPE),
    _shown_by(Texture.CURVATURE, BOTTCHER),
    Explanation(
        "Sharpness",
        "How fast the loss rises around a minimum; rescaling the weights changes it, so compare "
        "networks by filter-normalized planes only.",
        (KESKAR, DINH),
    ),
    Explanation(
        "Persistence",
        "How high one must climb from a minimum to reach a deeper one: shallow minima may be "
        "noise, deep ones are valleys.",
        (EDELSBRUNNER,),
    ),
    Explanation(
        "Non-convex share",
        "At how many points of the grid the surface bends down in some direction of the plane, 2 "
        "standard errors in brackets; a convex slice does not make a convex loss.",
        (LI,),
    ),
    Explanation(
        "Total variation",
        "How often one goes all the way up or down on the way across the plane: 1 for a slope, 1.5 "
        "for a bowl; noise adds to it, and spikes that are clamped do not count.",
        (RUDIN,),
    ),
    Explanation(
        "Trajectory",
        "The checkpoints of one training run at their true loss, each at the nearest point of the "
        "plane.",
        (LI,),
    ),
    Explanation(
        "Trajectory stems",
        "A thin line from a checkpoint down or up to the surface: the longer it is, the less the "
        "plane tells about that checkpoint.",
        (LI,),
    ),
    Explanation(
        "Learning-rate drops",
        "Diamonds on the trajectory where the schedule lowers the learning rate; the path often "
        "turns there, toward the valley's floor.",
        (LI,),
    ),
    Explanation(
        "Findings",
        "What diagnostics checked after probing: whether the directions, the range, the errors and "
        "the precision allow the surface to be believed.",
        (LI,),
    ),
    Explanation(
        "ε",
        "How far an attack may change each pixel, on a scale on which black is 0 and white 1.",
        (MADRY,),
    ),
    Explanation(
        "PGD",
        "Projected gradient descent: many small steps up the loss, each brought back to within ε "
        "of the image.",
        (MADRY,),
    ),
    Explanation(
        "EOT",
        "Expectation over transformation: against a defense that draws at random, an attack "
        "averages its gradient over many draws.",
        (SYNTHESIZING,),
    ),
    Explanation(
        "BPDA",
        "Where a defense has no useful gradient, an attack takes that of a smooth stand-in on the "
        "way back.",
        (ATHALYE,),
    ),
    Explanation(
        "Transfer attack",
        "Images made to fool the undefended network are handed to the defense; it says nothing "
        "about an adversary who knows of the defense.",
        (PAPERNOT, ATHALYE),
    ),
    Explanation(
        "Square attack",
        "A black-box attack that changes random squares and keeps what helps; where it beats "
        "gradients, those are masked.",
        (ANDRIUSHCHENKO,),
    ),
    Explanation(
        "Auto-PGD",
        "PGD that finds the length of its steps itself: they begin as wide as the ball, and are "
        "halved where too few of them raise the loss.",
        (CROCE,),
    ),
    Explanation(
        "FAB",
        "Walks along the boundary to other classes for the nearest point on it; how logits are "
        "scaled cannot mislead it.",
        (BOUNDARY,),
    ),
    Explanation(
        "AutoAttack",
        "Four attacks without settings to tune, one of them a black box; what they leave is the "
        "usual figure to compare undefended networks by.",
        (CROCE,),
    ),
    Explanation(
        "Worst case",
        "An image counts as right only if no attack fools it, at this radius or a smaller one; "
        "attacks that were not tried may leave less.",
        (CROCE, EVALUATING),
    ),
    Explanation(
        "Random noise",
        "One draw of noise as large as the adversary may be; an attack that fools no more images "
        "finds nothing.",
        (EVALUATING,),
    ),
    Explanation(
        "Transfer between networks",
        "Images made to fool one network are handed to another; where they fool more of it than "
        "its own gradients do, those are masked.",
        (PAPERNOT, EVALUATING),
    ),
    Explanation(
        "Summary",
        "What the run has come to in plain words, and whether automatic checks found a reason to "
        "distrust it.",
        (EVALUATING,),
    ),
    Explanation(
        "Exact interval",
        "Whatever the true accuracy is, an interval made like this holds it at least 95 times in "
        "100; more images make it narrower.",
        (CLOPPER,),
    ),
    Explanation(
        "Denoised smoothing",
        "Noise drowns the attack and a diffusion network takes the noise out, before an ordinary "
        "network classifies; over many draws that can be certified.",
        (CARLINI, COHEN),
    ),
    Explanation(
        "Purification",
        "Noise up to t* drowns the attack, and a diffusion network goes back from there in many "
        "steps; nothing is certified, so that only attacks through all steps tell what it holds.",
        (DIFFPURE, DIFFBREAK),
    ),
    Explanation(
        "σ",
        "The standard deviation of the Gaussian noise that is added to an image before it is "
        "denoised and classified.",
        (COHEN, CARLINI),
    ),
    Explanation(
        "Certified radius",
        "Within this distance of the image no change of it, however clever, alters the class, "
        "with the stated confidence.",
        (COHEN,),
    ),
    Explanation(
        "Plane of images",
        "A flat cut through the space of images, x + α·δ + β·η, along the way of an attack: what "
        "moves is the image, and the network stays as it is.",
        (MADRY, ATHALYE),
    ),
    Explanation(
        "Gradient masking",
        "A network whose gradient leads nowhere resists attacks that follow it, though images "
        "that fool it lie as near as ever.",
        (ATHALYE, PAPERNOT),
    ),
    _shown_by(Texture.CLASS),
    _shown_by(Texture.MARGIN, WAGNER),
    _shown_by(Texture.CROSS_ENTROPY),
)
BY_TERM = {explanation.term: explanation for explanation in GLOSSARY}
"""The entries by what they explain."""


def explanation(term: str) -> Explanation:
    """What `term` means.

    Raises:
        KeyError: there is no such term.
    """
    return BY_TERM[term]


def of_texture(texture: Texture) -> list[Explanation]:
    """What a texture shows."""
    own = _shown_by(texture)
    return [BY_TERM.get(own.term, own)] if own.text else []


def matching(query: str) -> list[Explanation]:
    """The entries of the glossary in which all words of `query` occur, those of the term first."""
    words = query.lower().split()
    found = [
        e
        for e in dict.fromkeys((*GLOSSARY, *(e for t in TEXTURES for e in of_texture(t))))
        if all(word in f"{e.term} {e.text} {e.cited}".lower() for word in words)
    ]
    return sorted(found, key=lambda e: not all(word in e.term.lower() for word in words))
