"""Networks by name. All take images in [0, 1]: normalization is their own first step."""

from __future__ import annotations

import inspect
import pkgutil

import torch
from torch import Tensor, nn

from isoloss.compute.data.dataset import Dataset, as_inputs
from isoloss.compute.machine.user_code import call_user_function, import_user_function
from isoloss.compute.networks.normalized import Normalized
from isoloss.compute.networks.statistics import Statistics
from isoloss.errors import IsolossError
from isoloss.naming import in_one_line
from isoloss.settings.built_in import BUILT_IN_NETWORKS, no_network
from isoloss.settings.source import Source, network_type

SMALL_IMAGE = 64


def build_model(
    name: str,
    classes: int,
    image_size: int,
    *,
    stem: str = "auto",
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> nn.Module:
    """The network called `name`, freshly initialized.

    Args:
        name: `resnet50`, `vgg11` and the other classifiers of torchvision (`torchvision:NAME`),
            `resnet50_cbam`, `resnet20` and He et al.'s others for small images, `timm:NAME`, or
            `package.module:function`. A timm name with the tag of a training brings its own image
            size and statistics. A user's function is called with `num_classes` if it takes it; its
            network gets images in [0, 1] as they are.
        stem: "cifar" (3×3 first convolution, no early pooling; for VGG a head without the two
            4096-wide layers), "pooled" (3×3 first convolution, then the published pooling, which
            quarters the work), "imagenet" (as published), or "auto": cifar up to 64 pixels.

    Raises:
        IsolossError: if there is no such network, or it has no such stem.
    """
    source = network_type(name)
    if source.kind == "function":
        return _of_user(name, classes)
    if source.kind == "published":
        from isoloss.compute.networks.pretrained import build_published

        return build_published(name, classes)
    network = _of_library(source, classes)
    if stem in ("cifar", "pooled") or (stem == "auto" and image_size <= SMALL_IMAGE):
        adapted = _with_small_stem(network, classes, pooled=stem == "pooled")
        if not adapted and stem != "auto":
            called = "CIFAR" if stem == "cifar" else stem
            raise IsolossError(f"{name} has no {called} stem: use --stem imagenet")
    return Normalized(network, mean, std)


def build_for_data(
    name: str, stem: str, dataset: Dataset, statistics: Statistics | None = None
) -> nn.Module:
    """`build_model` with the classes and image size of `dataset`.

    Args:
        statistics: by what images are normalized; by default by the data's, and of a user's own
            network not at all.

    Raises:
        IsolossError: if there is no such network, or it needs classes and the data have none.
    """
    if network_type(name).kind == "function":
        own = _of_user(name, len(dataset.classes) or None)
        return own if statistics is None else Normalized(own, statistics.mean, statistics.std)
    if not dataset.classes or not dataset.train.shape:
        lacks = "no classes" if dataset.train.shape else "no images of one size"
        raise IsolossError(
            f"{dataset.name} has {lacks}, of which {name} needs to know: give your network, "
            "--model package.module:function"
        )
    return build_model(
        name,
        len(dataset.classes),
        dataset.train.shape[-1],
        stem=stem,
        mean=dataset.mean if statistics is None else statistics.mean,
        std=dataset.std if statistics is None else statistics.std,
    )


@torch.no_grad()
def check_fits(
    model: nn.Module, dataset: Dataset, *, logits_alone: bool = True, one_logit: bool = False
) -> int | None:
    """How many outputs a network has; refuses one that does not take the data or has too few.

    Args:
        one_logit: whether one is enough for two classes.
        logits_alone: whether it must return nothing else; where it need not, what it returns is
            left to whoever looks for the logits in it, and its outputs are not counted.

    Raises:
        IsolossError: saying what does not fit.
    """
    inputs = as_inputs(dataset.train.take(torch.arange(min(2, len(dataset.train)))).inputs)
    shape = tuple(inputs.shape[1:])
    mode = model.training
    try:
        logits = model.eval()(inputs)
    except Exception as error:  # a user's network may raise anything
        reason = in_one_line(error)[:200] or type(error).__name__
        raise IsolossError(f"the network does not take this data {shape}: {reason}") from error
    finally:
        model.train(mode)
    classes = len(dataset.classes)
    if not isinstance(logits, Tensor) and not logits_alone:
        return None
    least = 1 if one_logit and classes == 2 else classes
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < least:
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise IsolossError(
            f"{dataset.name} needs (samples, {classes}) logits, the network gives {given}"
        )
    return logits.shape[1]


def _of_library(source: Source, classes: int) -> nn.Module:
    name = source.name
    if source.kind == "built-in" and name in BUILT_IN_NETWORKS:
        return pkgutil.resolve_name(BUILT_IN_NETWORKS[name])(classes)
    if source.kind == "timm":
        import timm

        if not timm.is_model(name):
            near = timm.list_models(f"*{name}*")[:3]
            hint = f"did you mean {', '.join(near)}?" if near else "see timm.list_models()"
            raise IsolossError(f"timm has no network {name!r}; {hint}")
        return timm.create_model(name, pretrained=False, num_classes=classes)
    if source.kind in ("built-in", "torchvision"):
        import torchvision

        if name in torchvision.models.list_models(module=torchvision.models):
            # Inception and GoogLeNet would return tuples and warn about their initialization.
            extra = (
                {"aux_logits": False, "init_weights": True}
                if name in ("googlenet", "inception_v3")
                else {}
            )
            return torchvision.models.get_model(name, weights=None, num_classes=classes, **extra)
    raise IsolossError(no_network(source.text))


def _with_small_stem(network: nn.Module, classes: int, *, pooled: bool) -> bool:
    """Adapt `network` to small images in place; False if it is of no family that we know how to."""
    import torchvision

    if getattr(network, "for_small_images", False):
        return not pooled
    if isinstance(network, torchvision.models.VGG) and not pooled:
        network.avgpool = nn.AdaptiveAvgPool2d(1)
        network.classifier = nn.Sequential(nn.Linear(512, classes))
        return True
    first = getattr(network, "conv1", None)
    if isinstance(first, nn.Conv2d) and isinstance(getattr(network, "maxpool", None), nn.Module):
        network.conv1 = nn.Conv2d(3, first.out_channels, 3, 1, 1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        if not pooled:
            network.maxpool = nn.Identity()
        return True
    return False


def _of_user(name: str, classes: int | None) -> nn.Module:
    asked = inspect.signature(import_user_function(name)).parameters.get("num_classes")
    if classes is None and asked is not None and asked.default is inspect.Parameter.empty:
        raise IsolossError(f"{name} takes num_classes, and the data have no classes: leave it out")
    takes_classes = classes is not None and asked is not None
    model = call_user_function(name, **({"num_classes": classes} if takes_classes else {}))
    if not isinstance(model, nn.Module):
        raise IsolossError(f"{name} returned a {type(model).__name__}, not a torch.nn.Module")
    return model
