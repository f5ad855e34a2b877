"""What the stories of data/gallery are: which runs stand beside each other, and what they show.

Sentences are what somebody expects of surfaces until they are seen: whoever has looked at them,
and put right what is said, writes `seen=True`. Others are made by `make_gallery.py --draft` alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.scene.textures import Texture


@dataclass(frozen=True)
class Shown:
    """One side of a story.

    Attributes:
        run: its name, in the folder of all runs.
        defended: of a run through an image, what is behind the defense.
        hides: which of its trajectories are not shown.
    """

    run: str
    title: str
    defended: bool = False
    hides: frozenset[int] = frozenset()

    @property
    def file(self) -> str:
        return f"{self.run}{'-defended' if self.defended else ''}.ply"


@dataclass(frozen=True)
class Story:
    """What `isoloss.app.state.opening.stories` reads, and how it is made.

    Attributes:
        source: of networks and data.
        one_scale: whether both have the same heights and colours.
        minima: whether these are marked.
        ends: labels of the last points of the trajectories, which are marked on both sides.
        seen: whether somebody has compared the sentences with the surfaces.
    """

    name: str
    title: str
    sentences: tuple[str, str, str]
    sides: tuple[Shown, Shown]
    source: str
    one_scale: bool = True
    texture: Texture = Texture.HEIGHT
    minima: bool = False
    ends: tuple[str, ...] = ()
    seen: bool = False


CIFAR = "CIFAR-10 (Krizhevsky 2009)"
STORIES = (
    Story(
        "shortcuts",
        "Why do shortcuts help?",
        (
            "Both networks have 56 layers and were trained alike; only the left one has shortcuts.",
            "With them the loss is a bowl around the minimum, without them it is rugged.",
            "A step that is a little too long stays in the bowl, and leaves the other valley.",
        ),
        (
            Shown("resnet56-random", "ResNet-56, with shortcuts"),
            Shown("resnet56_noshort-random", "ResNet-56, without"),
        ),
        f"After Li et al. 2018, figure 1. {CIFAR}, as JPEG.",
        minima=True,
    ),
    Story(
        "depth",
        "What does depth do to a minimum?",
        (
            "Two networks that others have trained to the end, of 20 and of 56 layers.",
            "Both have shortcuts; to each edge of the plane the loss rises a thousandfold or more.",
            "The deeper one's minimum is lower and wider: it loses less at 94 % of the points.",
        ),
        (
            Shown("resnet20-published-random", "ResNet-20, published"),
            Shown("resnet56-published-random", "ResNet-56, published"),
        ),
        f"Networks: akamaster/pytorch_resnet_cifar10 (BSD-2). {CIFAR}.",
        seen=True,
    ),
    Story(
        "vgg11",
        "Which way does training go?",
        (
            "One network, along two random directions, and along two that hold 91 % of its way.",
            "The random plane shows a round bowl, and not the slope that training came down.",
            "The path lies at its own losses, below: the plane has the last batch norms alone.",
        ),
        (
            Shown("vgg11-random", "VGG-11, random directions"),
            Shown("vgg11-pca", "VGG-11, along its training"),
        ),
        f"{CIFAR}, as JPEG.",
        one_scale=False,
        seen=True,
    ),
    Story(
        "resnet50",
        "What does a large network's minimum look like?",
        (
            "ResNet-50 on the same two kinds of planes as VGG-11.",
            "Its shortcuts make the random plane a wide bowl.",
            "The path of its training lies almost wholly on the plane that is shown.",
        ),
        (
            Shown("resnet50-random", "ResNet-50, random directions"),
            Shown("resnet50-pca", "ResNet-50, along its training"),
        ),
        f"{CIFAR}, as JPEG.",
        one_scale=False,
    ),
    Story(
        "hessian",
        "Which way is a minimum steepest?",
        (
            "The same minimum, along two random directions, and along those of most curvature.",
            "Random directions are nearly flat beside the two that the Hessian singles out.",
            "A few of 270,000 directions make a minimum sharp, and chance does not find them.",
        ),
        (
            Shown("resnet20-random", "ResNet-20, random directions"),
            Shown("resnet20-hessian", "ResNet-20, steepest directions"),
        ),
        f"{CIFAR}, as JPEG.",
    ),
    Story(
        "batch_size",
        "Do large batches end in sharp minima?",
        (
            "One network, trained with batches of 128 and of 4,096, as many images in both.",
            "Directions are as long as the filters, so that widths can be compared.",
            "The minimum of large batches is narrower, and lies higher.",
        ),
        (
            Shown("resnet20-random", "Batches of 128"),
            Shown("resnet20-large_batch-random", "Batches of 4,096"),
        ),
        f"After Li et al. 2018, section 4. {CIFAR}, as JPEG.",
    ),
    Story(
        "learning_rate",
        "Can a learning rate be too small?",
        (
            "Two trainings that begin at the same place, on the plane of both.",
            "With the good rate the path leaves the valley that it began in, and ends far lower.",
            "With the small one it stays in the nearest minimum, which is marked.",
        ),
        (
            Shown("learning_rate-pca", "A learning rate of 0.1", hides=frozenset({1})),
            Shown("learning_rate-pca", "A learning rate of 0.0001", hides=frozenset({0})),
        ),
        f"{CIFAR}, as JPEG.",
        minima=True,
        ends=("0.1 ends here", "0.0001 ends here"),
    ),
    Story(
        "adversarial_training",
        "What does adversarial training change?",
        (
            "One architecture, trained as usual, and against an adversary of 2/255.",
            "Colours are accuracy, heights the loss on images as they are.",
            "The robust network pays with a higher floor, and its valley is wider.",
        ),
        (
            Shown("resnet4b-standard-random", "Trained as usual"),
            Shown("resnet4b-adversarial-random", "Trained against an adversary"),
        ),
        f"Robust network: Verified-Intelligence/alpha-beta-CROWN (BSD-3). {CIFAR}, as JPEG where "
        "trained as usual.",
        texture=Texture.ACCURACY,
    ),
    Story(
        "input_space",
        "What does a defense change for an adversary?",
        (
            "Here the image moves, not the network: to the right towards what an attack has found.",
            "Above 0 the answer is wrong; undefended, the image is a short way from there.",
            "Behind noise and a denoiser the slope is gentler, and the wrong answer farther away.",
        ),
        (
            Shown("digits-input", "Undefended"),
            Shown("digits-input", "Behind a denoiser", defended=True),
        ),
        "The classifier, the denoiser and the digits that ship (scikit-learn).",
        seen=True,
    ),
    Story(
        "photograph",
        "Does it help on photographs?",
        (
            "A test image of CIFAR-10 moves towards what an attack has found, and aside.",
            "Undefended, ResNet-50 errs after a step that nobody sees.",
            "Behind noise of 0.25 and a denoiser the wrong answer is farther away.",
        ),
        (
            Shown("resnet50-input", "ResNet-50, undefended"),
            Shown("resnet50-input", "Behind noise and a denoiser", defended=True),
        ),
        f"{CIFAR}, as JPEG.",
    ),
)
