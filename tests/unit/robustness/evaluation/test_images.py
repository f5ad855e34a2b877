"""Images of an evaluation: in the computer's memory, the same ones wherever they are attacked."""

import pytest
import torch
from tests.pretended import pretended_gpu

from isoloss import IsolossError
from isoloss.robustness.evaluation.images import Images

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
BYTES = torch.arange(256).repeat(3).reshape(4, 3, 8, 8).byte()
FLOATS = torch.linspace(-5e-6, 1 + 5e-6, 768).reshape(4, 3, 8, 8)
ROWS = [slice(None), slice(1, 3), 2]


def test_bytes_are_divided_and_floats_are_clamped():
    assert torch.equal(Images(BYTES, CPU)[:], BYTES / 255)
    assert torch.equal(Images(FLOATS, CPU)[1:], FLOATS[1:].clamp(0, 1))
    assert Images(FLOATS.clamp(0, 1), CPU)[:].untyped_storage().nbytes() == FLOATS.nbytes


@pytest.mark.parametrize("inputs", [BYTES, FLOATS, FLOATS.double()], ids=["uint8", "float", "64"])
def test_a_gpu_has_the_same_images_and_does_not_wait_for_them(inputs):
    here = Images(inputs, CPU)
    with pretended_gpu(memory=32 * inputs.nbytes) as gpu:
        there = Images(inputs, GPU)
        assert gpu.marks.used(GPU) == 0
        assert (len(there), there.shape) == (4, inputs.shape)
        found = [there[rows] for rows in ROWS]
        assert {images.device for images in found} == {GPU}
        assert gpu.waits.total() == 0
        assert all(torch.equal(a.cpu(), here[rows]) for a, rows in zip(found, ROWS, strict=True))


def test_images_that_are_on_a_gpu_stay_there():
    with pretended_gpu() as gpu:
        images = Images(BYTES.to(GPU), GPU)
        gpu.clear()
        assert images[1:].device == GPU
        assert images[1:].data_ptr() != images[:].data_ptr()
        assert gpu.copies.total() == 0
        assert Images(BYTES.to(GPU), CPU)[:].device == CPU


@pytest.mark.parametrize("device", [CPU, GPU])
@pytest.mark.parametrize("inputs", [BYTES[0], FLOATS[:, 0], FLOATS + 0.1, FLOATS.long()])
def test_what_are_no_images_is_refused(inputs, device):
    with pretended_gpu(), pytest.raises(IsolossError, match="images must"):
        Images(inputs, device)
