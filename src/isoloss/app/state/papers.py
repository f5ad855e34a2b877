"""Where the ideas behind the terms on the screen come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """Where an idea comes from.

    Attributes:
        cited: author and year, as in a text.
        url: where it can be read.
    """

    cited: str
    url: str


def _arxiv(cited: str, number: str) -> Paper:
    return Paper(cited, f"https://arxiv.org/abs/{number}")


LI = _arxiv("Li et al. 2018", "1712.09913")
GOODFELLOW = _arxiv("Goodfellow et al. 2015", "1412.6544")
DRAXLER = _arxiv("Draxler et al. 2018", "1803.00885")
GARIPOV = _arxiv("Garipov et al. 2018", "1802.10026")
DINH = _arxiv("Dinh et al. 2017", "1703.04933")
FRANKLE = _arxiv("Frankle et al. 2020", "1912.05671")
AINSWORTH = _arxiv("Ainsworth et al. 2023", "2209.04836")
JORDAN = _arxiv("Jordan et al. 2023", "2211.08403")
YAO = _arxiv("Yao et al. 2020", "1912.07145")
KESKAR = _arxiv("Keskar et al. 2017", "1609.04836")
BOTTCHER = _arxiv("Böttcher and Wheeler 2024", "2208.13219")
ANTOGNINI = _arxiv("Antognini and Sohl-Dickstein 2018", "1806.08805")
IOFFE = _arxiv("Ioffe and Szegedy 2015", "1502.03167")
IZMAILOV = _arxiv("Izmailov et al. 2018", "1803.05407")
KALAMKAR = _arxiv("Kalamkar et al. 2019", "1905.12322")
GILES = Paper("Giles 2008", "https://doi.org/10.1287/opre.1070.0496")
LORENSEN = Paper("Lorensen and Cline 1987", "https://doi.org/10.1145/37401.37422")
EDELSBRUNNER = Paper("Edelsbrunner et al. 2002", "https://doi.org/10.1007/s00454-002-2885-2")
BENJAMINI = Paper(
    "Benjamini and Hochberg 1995", "https://doi.org/10.1111/j.2517-6161.1995.tb02031.x"
)
MADRY = _arxiv("Madry et al. 2018", "1706.06083")
RUDIN = Paper("Rudin et al. 1992", "https://doi.org/10.1016/0167-2789(92)90242-F")
SYNTHESIZING = _arxiv("Athalye et al. 2018a", "1707.07397")
ATHALYE = _arxiv("Athalye et al. 2018b", "1802.00420")
ANDRIUSHCHENKO = _arxiv("Andriushchenko et al. 2020", "1912.00049")
CROCE = _arxiv("Croce and Hein 2020", "2003.01690")
BOUNDARY = _arxiv("Croce and Hein 2020", "1907.02044")
PAPERNOT = _arxiv("Papernot et al. 2016", "1605.07277")
EVALUATING = _arxiv("Carlini et al. 2019", "1902.06705")
CLOPPER = Paper("Clopper and Pearson 1934", "https://doi.org/10.1093/biomet/26.4.404")
WAGNER = _arxiv("Carlini and Wagner 2017", "1608.04644")
COHEN = _arxiv("Cohen et al. 2019", "1902.02918")
CARLINI = _arxiv("Carlini et al. 2023", "2206.10550")

DIFFPURE = _arxiv("Nie et al. 2022", "2205.07460")
DIFFBREAK = _arxiv("Kassis et al. 2024", "2411.16598")
