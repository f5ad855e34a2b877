"""What is pointed at in one part of the window is marked in the others."""

from isoloss.app.state.pointing import Pointing


def test_what_is_pointed_at_is_shown_for_the_next_frame():
    pointing = Pointing()
    pointing.at_plot((1.0, 2.0))
    assert pointing.in_plot is None
    pointing.next_frame()
    assert pointing.in_plot == (1.0, 2.0)
    pointing.next_frame()
    assert pointing.in_plot is None
