"""Rectangles that overlap."""

from isoloss.geometry.rect import is_free, overlap


def test_rectangles_that_share_an_edge_do_not_overlap():
    a, beside, over = (0.0, 0.0, 2.0, 1.0), (2.0, 0.0, 3.0, 1.0), (1.5, 0.5, 4.0, 4.0)
    assert not overlap(a, beside)
    assert overlap(a, over)
    assert overlap(over, a)
    assert is_free(a, [beside])
    assert not is_free(a, [beside, over])
    assert is_free(a, [])
