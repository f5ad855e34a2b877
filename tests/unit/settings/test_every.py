"""Each how many checkpoints: the trained network alone, every one, or each Nth."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from isoloss.compute.training.network import TrainedPath
from isoloss.settings import ProbeSettings, SharpnessSettings, explain
from isoloss.settings.base import stride_of
from isoloss.settings.text import command_line

KINDS = [SharpnessSettings, ProbeSettings]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("given", "every", "stride", "kept"),
    [
        ("network", "network", 0, ""), ("checkpoint", "checkpoint", 1, '"every":"checkpoint"'),
        ("5", 5, 5, '"every":5'), (1, 1, 1, '"every":1'), ("12", 12, 12, '"every":12'),
    ],
)  # fmt: skip
def test_what_is_given_is_kept_as_it_was_and_is_read_again(kind, given, every, stride, kept):
    asked = kind(source="digits-classifier", every=given)
    assert (asked.every, stride_of(asked.every)) == (every, stride)
    text = asked.model_dump_json(exclude_defaults=True)
    assert kept in text
    assert ("every" in text) is bool(kept)
    assert kind.model_validate_json(text) == asked
    assert (f"--every {given}" in command_line(asked, Path("x"))) is bool(kept)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["0", 0, -2, "x", 2.5, None, True, ""])
def test_what_is_no_number_of_checkpoints_is_refused_in_a_line(kind, given):
    with pytest.raises(ValidationError) as error:
        kind(source="digits-classifier", every=given)
    assert explain(error.value).startswith("--every: give network, checkpoint, or a number N")


@pytest.mark.parametrize(
    ("n", "kept"), [(1, [0, 1, 2, 3, 4, 5, 6]), (2, [0, 2, 4, 6]), (4, [2, 6]), (7, [6]), (9, [6])]
)
def test_each_nth_is_counted_from_the_last(n, kept):
    path = TrainedPath("x", [Path(f"{k}") for k in range(7)], [*range(7)]).each(n)  # type: ignore[arg-type]
    assert path.points == kept
    assert path.checkpoints == [Path(f"{k}") for k in kept]
