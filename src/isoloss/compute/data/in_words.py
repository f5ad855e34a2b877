"""A data set in words: what a run says of it first, and `isoloss info`."""

from __future__ import annotations

from isoloss.compute.data.dataset import Dataset


def facts_of(dataset: Dataset) -> dict[str, str]:
    """What there is to know of a data set before its images are read, in words by name."""
    train, test, shape = dataset.train, dataset.test, dataset.train.shape
    images = len(shape) == 3
    size = "×".join(map(str, shape[1:] if images and shape[0] == 3 else shape))
    facts = {
        "classes": f"{len(dataset.classes):,}" if dataset.classes else "no",
        "samples": f"{len(train):,} training and {len(test):,} test "
        f"{'images' if images else 'samples'}{f' of {size}' if size else ''}",
        "split": dataset.found,
        "left out": dataset.left_out,
    }
    return {name: words for name, words in facts.items() if words}


def in_words(dataset: Dataset) -> str:
    """All of that in one line."""
    facts = {"data": dataset.name} | facts_of(dataset)
    facts["classes"] += " classes"
    if "left out" in facts:
        facts["left out"] = f"left out: {facts['left out']}"
    return ", ".join(facts.values())
