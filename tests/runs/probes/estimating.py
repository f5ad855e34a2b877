"""What `Multilevel` makes of losses that are all known."""

import numpy as np

from isoloss.compute.engine.multilevel import Multilevel
from isoloss.compute.engine.sample_losses import SampleLosses


def estimated(alpha, beta, losses, tolerance, *, limit=None, **known):
    """Ask of (cells, images) `losses`, the images in their order, what it asks for.

    Args:
        limit: images that it may see; all if None.
        known: what else `Multilevel` is told.

    Returns:
        (the estimates, (cells,) losses, (cells,) standard errors, (cells,) images seen).
    """
    images = losses.shape[1]
    limit = limit or images
    record, counts = SampleLosses(len(losses), limit), np.zeros(len(losses), np.int64)
    method = Multilevel(alpha, beta, record, images, limit, tolerance, **known)
    mean, stderr = np.full((2, len(losses)), np.nan)
    for _ in range(100):
        for cell, loss, _, error in method.estimates(counts):
            mean[cell], stderr[cell] = loss, error
        demands = method.next_round(counts)
        if not demands:
            return method, mean, stderr, counts
        for cell, last in demands:
            new = losses[cell, counts[cell] : last].astype(np.float32)
            record.put(cell, int(counts[cell]), new, np.zeros(len(new), np.uint8))
            counts[cell] = last
    raise AssertionError("it does not come to an end")
