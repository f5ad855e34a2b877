"""Tables of others: read where what they mean is clear, else refused in one line."""

import numpy as np
import pytest

import isoloss
from isoloss import IsolossError
from isoloss.geometry.findings import findings_of

ALPHA, BETA = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 0.25])
LOSS = np.array([[1.5, -2.25], [3.0, 1e-9], [np.nan, np.inf]])
ROWS = [
    (a, b, float(LOSS[i, j]))
    for i, a in enumerate(ALPHA.tolist())
    for j, b in enumerate(BETA.tolist())
]


def table(separator=",", point=".", names=("alpha", "beta", "loss"), order=range(6), end="\n"):
    lines = [separator.join(names)]
    lines += [separator.join(repr(float(v)).replace(".", point) for v in ROWS[k]) for k in order]
    return end.join(lines) + end


MATRIX = "1.5,2,3,4\n5,6,7,8\n"
LONG = {
    "commas": table(),
    "x, y, z": table(names=("x", "y", "z")),
    "capitals and spaces": table(names=(" Alpha", "BETA ", "Loss")),
    "quotes": table(names=('"alpha"', '"beta"', '"loss"')),
    "any order": table(order=[5, 0, 3, 1, 4, 2]),
    "semicolons": table(";"),
    "semicolons and decimal commas": table(";", ","),
    "tabs and decimal commas": table("\t", ","),
    "spaces": table(" "),
    "quoted decimal commas": '"x","y","z"\n' + "".join(
        ",".join(f'"{v!r}"'.replace(".", ",") for v in row) + "\n" for row in ROWS
    ),
    "sep= of Excel": "sep=;\n" + table(";"),
    "CRLF": table(end="\r\n"),
    "CR": table(end="\r"),
    "blank lines": table(end="\n\n"),
    "NumPy's remark": "# " + table(),
    "remarks": "# made by me\n" + table() + "# the end\n",
    "another column and an index": "\n".join(
        [",alpha,name,beta,loss"]
        + [f"{k},{a!r},n {k},{b!r},{z!r}" for k, (a, b, z) in enumerate(ROWS)]
    ),
    "empty for a number": table().replace("nan", ""),
    "NA for a number": table().replace("nan", "NA"),
    "null for a number": table().replace("nan", "null"),
    "no number for Excel": table().replace("nan", "#N/A"),
    "Points:0 of ParaView": table(names=('"Points:0"', '"Points:1"', '"loss"')),
    "Points_0 of ParaView": table(names=("Points_0", "Points_1", "Points_2")),
    "capitals": table(names=("Alpha", "BETA", "Loss")),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("kind", LONG)
def test_a_row_for_each_point_is_read(tmp_path, kind, encoding):
    (tmp_path / "s.csv").write_bytes(LONG[kind].encode(encoding))
    surface = isoloss.load(tmp_path / "s.csv")
    np.testing.assert_array_equal(surface.alpha, ALPHA)
    np.testing.assert_array_equal(surface.beta, BETA)
    np.testing.assert_array_equal(surface.loss, LOSS)


@pytest.mark.parametrize("corner", ["", "loss", '"alpha\\beta"'])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_matrix_with_axes_is_read(tmp_path, corner, separator):
    lines = [[corner, "0.25", "0"], ["2", "inf", ""], ["-1", "-2.25", "1.5"], ["0.5", "1e-9", "3"]]
    text = "\n".join(separator.join(line) for line in lines)
    for content in (text, text.replace(".", ",") if separator != "," else text):
        (tmp_path / "s.csv").write_text(content)
        surface = isoloss.load(tmp_path / "s.csv")
        np.testing.assert_array_equal(surface.alpha, ALPHA)
        np.testing.assert_array_equal(surface.beta, BETA)
        np.testing.assert_array_equal(surface.loss, LOSS)
        assert findings_of(surface.meta) is None


def test_a_matrix_alone_is_over_its_rows_and_columns(tmp_path):
    for text in (MATRIX, MATRIX.replace(",", ";").replace(".", ","), MATRIX.replace(",", " ")):
        (tmp_path / "s.csv").write_text(text)
        surface = isoloss.load(tmp_path / "s.csv")
        np.testing.assert_array_equal(surface.loss, [[1.5, 2, 3, 4], [5, 6, 7, 8]])
        np.testing.assert_array_equal(surface.beta, [0, 1, 2, 3])
        (note,) = findings_of(surface.meta)
        assert "the numbers of its rows and columns" in note.message


def test_two_columns_are_a_curve(tmp_path):
    (tmp_path / "c.csv").write_text("loss;alpha\n0,5;1\n2;0\n")
    curve = isoloss.load(tmp_path / "c.csv")
    assert curve.is_curve
    np.testing.assert_array_equal(curve.alpha, [0, 1])
    np.testing.assert_array_equal(curve.loss[:, 0], [2, 0.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("alpha,beta,loss\n", "fewer than two rows"),
        ("0,0,1\n0,1,2\n1,0,3\n1,1,4\n", "3 columns have no names: a first line alpha,beta,loss"),
        ("1.5,2\n3,4\n", "2 columns have no names"),
        ("0,5,1,5\n2,5,3,5\n", "its numbers have no points: if they have decimal commas"),
        (table().replace(".", ","), r"row 2 has \d fields, the first 3"),
        (table(";", ",") + "3.5;0;1\n", "decimal points, others commas"),
        (table(";").replace("0.5", "1.000,5"), "decimal points, others commas|is not a number"),
        (table(";", ",").replace("0,5", "1,000,5"), "'1.000.5' is not a number"),
        (table().replace("0.5", "half"), "'half' is not a number"),
        (table().replace("0.5", "0_5"), "'0_5' is not a number"),
        (table().replace("0.5", "٠.٥"), "is not a number"),
        (table().replace("-1.0", "−1.0"), "is not a number"),
        (table(names=("a", "b", "c")), "no alpha, beta and loss .or x, y and z., but a, b, c"),
        (table(names=("x", "y", "why")), "but x, y, why"),
        (table(names=("x", "x", "z")), "but x, x, z"),
        (
            table(names=("x", "y", "z", "x")).replace("\n", ",1\n").replace("x,1", "x"),
            "two columns",
        ),
        (table() + "2.0,0.25,7\n", "two of its points lie at one place and differ"),
        (table(order=range(5)), "5 points do not form a grid"),
        ("b,1,2\n0,1,2\n0,3,4\n", "alpha must be finite and strictly increasing"),
        ("b,1,two\n0,1,2\n1,3,4\n", "'two' is not a number"),
        ("1.0,2,3,4\n5,6,7\n", "row 2 has 3 fields, the first 4"),
        ('alpha,beta,loss\n"0,0,1\n', "not readable as a table"),
        ("alpha,beta,loss\n0,0,\0\n", "it is no text"),
        ("alpha,beta,loss,count\n0,0,1,1.5\n0,1,1,1\n1,0,1,1\n1,1,1,1\n", "not whole"),
        ("alpha,beta,loss,count\n0,0,1,-1\n0,1,1,1\n1,0,1,1\n1,1,1,1\n", "count are negative"),
        ("x" * 200_000 + ",y\n1,2\n", "not readable as a table"),
        ("<!DOCTYPE html>\n<html></html>\n", "is a web page"),
    ],
    ids=lambda value: value[:30] if "\n" not in value else "",
)
def test_what_is_not_clear_is_refused_in_a_line(tmp_path, text, message):
    (tmp_path / "s.csv").write_bytes(text.encode())
    with pytest.raises(IsolossError, match=message) as caught:
        isoloss.load(tmp_path / "s.csv")
    assert "\n" not in str(caught.value)
    assert "s.csv" in str(caught.value)
