"""What the stories of data/gallery are: which runs stand beside each other, and what they show.

Whoever makes one anew looks at its surfaces first: its sentences must be true of them. Only
those of `depth` and `input_space` have been looked at so far.
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
    """

    name: str
    title: str
    sentences: tuple[str, str, str]
    sides: tuple[Shown, Shown]
    source: str
    one_scale: bool = True
    texture: Texture = Texture.HEIGHT
    minima: bool = False


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
        f"After Li et al. 2018, figure 1. {CIFAR}.",
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
    ),
    Story(
        "vgg11",
        "Which way does training go?",
        (
            "One network, cut along two random directions, and along the two of its own training.",
            "On the random plane the minimum is a bowl: no direction leads to where it came from.",
            "On the plane of its own steps the path comes down a slope and turns into a valley.",
        ),
        (
            Shown("vgg11-random", "VGG-11, random directions"),
            Shown("vgg11-pca", "VGG-11, along its training"),
        ),
        f"{CIFAR}, as JPEG.",
        one_scale=False,
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
        "curvature",
        "How narrow is a minimum?",
        (
            "One network, cut along two random directions, and along the two of most curvature.",
            "These are eigenvectors of the Hessian: its largest eigenvalues are their curvatures.",
            "Random directions hardly meet them, and show the minimum wider than it can be.",
        ),
        (
            Shown("vgg11-random", "VGG-11, random directions"),
            Shown("vgg11-hessian", "VGG-11, along its Hessian's largest"),
        ),
        f"{CIFAR}, as JPEG.",
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
            Shown("learning_rate-pca", "A learning rate of 0.05", hides=frozenset({1})),
            Shown("learning_rate-pca", "A learning rate of 0.0001", hides=frozenset({0})),
        ),
        f"{CIFAR}, as JPEG.",
        minima=True,
    ),
    Story(
        "batch_size",
        "Where do large batches lead?",
        (
            "Two trainings that begin at the same place, on the plane of both.",
            "In as many epochs batches of 128 images take 64 times the steps of those of 8,192.",
            "Each path is drawn at its own loss, and a star marks where it ends.",
        ),
        (
            Shown("batch_size-pca", "Batches of 128", hides=frozenset({1})),
            Shown("batch_size-pca", "Batches of 8,192", hides=frozenset({0})),
        ),
        f"{CIFAR}, as JPEG.",
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
        f"Robust network: Verified-Intelligence/alpha-beta-CROWN (BSD-3). {CIFAR}.",
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
    ),
)
