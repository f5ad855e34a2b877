"""Labels that nobody has given: the photographs' are what a network answers, and are called so."""

import pytest

from isoloss.results.saved_examples import Index

CLASSES = ("palace", "daisy")


@pytest.mark.parametrize("data", ["digits", "cifar10", "imagefolder:sample-photos", "own:data"])
def test_labels_are_true_classes(data):
    index = Index(data, CLASSES, (4, 7), (1, 0), ())
    assert index.label_title == "true class"
    assert index.label_in_words(0) == "true class daisy"
    assert index.label_in_title(1) == "truly “palace”"


def test_those_of_the_sample_photographs_are_assumed():
    index = Index("sample-photos", CLASSES, (4, 7), (1, 5), ())
    assert index.label_title == "assumed class"
    assert index.label_in_words(0) == "assumed class daisy, the answer of efficientnet_lite0"
    assert index.label_in_title(1) == "assumed to be “5”"
