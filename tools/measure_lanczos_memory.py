"""Measure what memory steps of the method of Lanczos take on a ResNet-50 with images of 32 pixels.

    python tools/measure_lanczos_memory.py --images 256 --steps 100

Prints JSON: gigabytes resident at most after the imports, with the network and its images, and
after each step, of one process on the CPU. They grow until the vectors that are kept are there;
images come batch by batch, so that fewer of them change the time and not the memory. Unix only.
"""

import argparse
import json
import resource
import time

import torch
from torchvision.models import resnet50

from isoloss.compute.curvature.lanczos import outermost
from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.trace import random_signs
from isoloss.compute.data.shuffled_samples import ShuffledSamples

CPU = torch.device("cpu")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    asked = parser.parse_args()
    told = {"imports": peak()}
    torch.manual_seed(0)
    batch = torch.rand(asked.images, 3, 32, 32), torch.randint(1000, (asked.images,))
    data = ShuffledSamples.of_batches([batch], 0, CPU)
    curvature = Curvature(resnet50(weights=None).eval(), data, None, CPU)
    told |= {"network": peak(), "batch_size": curvature.batch_size, "parameters": curvature.size}
    start = random_signs(1, curvature, torch.Generator().manual_seed(0))[0]
    began, steps = time.process_time(), []
    for _ in outermost(
        curvature.times, start, largest=5, smallest=1, tolerance=1e-30, most_steps=asked.steps
    ):
        steps.append(peak())
    told |= {"most": max(steps), "by_step": steps}
    print(json.dumps({**told, "processor_seconds": round(time.process_time() - began, 1)}))


def peak() -> float:
    """Gigabytes that were resident at most so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3)


if __name__ == "__main__":
    main()
