"""Cuts in the box of a surface."""

from isoloss.scene.cut import Cut, cut_through

ALPHA, BETA = (-1.0, 3.0), (-2.0, 2.0)


def test_a_cut_goes_from_one_side_of_the_box_to_the_other():
    assert cut_through((0.0, 0.5), (2.0, 0.0), ALPHA, BETA) == Cut((-1.0, 0.5), (3.0, 0.5))
    assert cut_through((0.0, 0.5), (0.0, -1.0), ALPHA, BETA) == Cut((0.0, 2.0), (0.0, -2.0))
    oblique = cut_through((0.0, 0.0), (1.0, 1.0), ALPHA, BETA)
    assert oblique == Cut((-1.0, -1.0), (2.0, 2.0))


def test_a_point_outside_is_moved_to_the_edge_and_no_direction_is_along_alpha():
    assert cut_through((9.0, 9.0), (0.0, 0.0), ALPHA, BETA) == Cut((-1.0, 2.0), (3.0, 2.0))


def test_shifting_stops_where_an_end_meets_the_side():
    cut = Cut((-0.5, 0.0), (1.0, 1.0))
    assert cut.shifted((0.25, 0.5), ALPHA, BETA) == Cut((-0.25, 0.5), (1.25, 1.5))
    assert cut.shifted((-9.0, 9.0), ALPHA, BETA) == Cut((-1.0, 1.0), (0.5, 2.0))


def test_only_what_lies_in_the_box_is_seen():
    inside = Cut((-1.0, 0.1), (3.0, 0.7))
    assert inside.within(ALPHA, BETA) == inside
    assert Cut((-5.0, 0.5), (1.0, 0.5)).within(ALPHA, BETA) == Cut((-1.0, 0.5), (1.0, 0.5))
    assert Cut((1.0, -9.0), (1.0, 9.0)).within(ALPHA, BETA) == Cut((1.0, -2.0), (1.0, 2.0))
    assert Cut((-5.0, 3.0), (5.0, 3.0)).within(ALPHA, BETA) is None
    assert Cut((-5.0, 0.0), (-2.0, 0.0)).within(ALPHA, BETA) is None


def test_the_axis_a_cut_runs_along():
    assert Cut((0.0, 1.0), (2.0, 1.0)).axis == 0
    assert Cut((0.0, 1.0), (0.0, -1.0)).axis == 1
    assert Cut((0.0, 0.0), (1.0, 1.0)).axis is None
    assert Cut((0.0, 0.0), (0.0, 0.0)).axis is None
