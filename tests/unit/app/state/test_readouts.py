"""Values as the window words them."""

import numpy as np

from isoloss.app.state.readouts import loss_label, number, plain, range_label, value_facts


def test_numbers_use_characters_that_the_windows_font_has():
    assert plain("loss 2×10⁻⁵ ± 10⁶") == "loss 2e−5 ± 1e6"
    assert number(2e-5) == "2e−5"
    assert number(-0.25) == "−0.25"
    assert loss_label(0.5, 0.01) == "0.5 ± 0.01"
    assert loss_label(0.5, np.nan) == "0.5"


def test_a_range_has_the_digits_that_tell_its_ends_apart():
    assert range_label(0.5, 2.0) == "0.5 to 2"
    assert range_label(1.0, 1.0) == "1 to 1"
    assert range_label(1.0, 1.0000002) == "1 to 1.0000002"
    assert range_label(1500.01, 1500.04) == "1500.01 to 1500.04"
    assert range_label(2e6, 2e6 + 1) == "2000000 to 2000001"


def test_a_difference_is_told_with_its_sign():
    facts = dict(value_facts(0.25, 0.01, -0.125, signed=True))
    assert facts == {"Δ loss": "+0.25 ± 0.01", "Δ accuracy": "−12.5 points"}
    assert dict(value_facts(0.25, accuracy=0.5)) == {"loss": "0.25", "accuracy": "50.0 %"}
