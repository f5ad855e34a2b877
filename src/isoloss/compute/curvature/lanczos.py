"""The outermost eigenvalues of a symmetric matrix of which only products with vectors are known.

The method of Lanczos, every vector made orthogonal to all before it (twice, "twice is enough":
Parlett 1998, section 6.9). Where more vectors are asked for than there is memory for, those that
matter are kept and the rest begun anew (thick restarts: Wu, Simon 2000). Knows no networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]
"""Of (K, P) vectors with the matrix."""
KEPT = 1 << 30
"""Bytes of vectors that are kept, at most, where nobody says how many."""
COLUMNS = 1 << 16
"""Of vectors that are combined at once."""
EXTRA = 6
"""Vectors kept at a restart beside those that are wanted: with them it converges as if it had never
been begun anew, or nearly."""


@dataclass(frozen=True)
class Ritz:
    """What is known of the eigenvalues after so many products.

    Attributes:
        values: (M,) in ascending order, approximations of eigenvalues.
        residuals: (M,) ‖A u − θ u‖, the farthest that the nearest eigenvalue can be.
        steps: products so far.
        basis, rotation: (M, P) orthonormal vectors, and (M, M) what makes the approximate
            eigenvectors of them.
    """

    values: Tensor
    residuals: Tensor
    steps: int
    basis: Tensor
    rotation: Tensor

    def wanted(self, largest: int, smallest: int) -> list[int]:
        """Of the values, the places of so many largest, the largest first, then of so many
        smallest, the smallest first."""
        m = len(self.values)
        top = list(range(m - 1, max(m - 1 - largest, -1), -1))
        return top + [k for k in range(min(smallest, m)) if k not in top]

    def errors(self, places: list[int]) -> Tensor:
        """(K,) how far the values may be from eigenvalues: the residual, or what its square is of
        half the distance to the next value, whichever is less (Parlett 1998, section 11.7; half,
        for that is not known exactly)."""
        apart = (self.values[places, None] - self.values).abs()
        apart[range(len(places)), places] = torch.inf
        residuals = self.residuals[places]
        return torch.minimum(residuals, 2 * residuals.square() / apart.amin(1))

    def vectors(self, places: list[int]) -> Tensor:
        """(K, P) approximate eigenvectors, of norm 1."""
        return self.rotation[:, places].T.to(self.basis) @ self.basis


def outermost(
    product: Product,
    start: Tensor,
    *,
    largest: int = 1,
    smallest: int = 0,
    tolerance: float = 1e-3,
    most_steps: int = 100,
    most_vectors: int | None = None,
) -> Iterator[Ritz]:
    """What is known after each product, until all that is wanted is known well enough.

    Args:
        product: of (1, P) vectors with the matrix.
        start: (P,) any vector that is not 0.
        largest, smallest: how many eigenvalues are wanted at either end.
        tolerance: the errors allowed, in fractions of the largest |eigenvalue|.
        most_steps: so many products at most.
        most_vectors: so many vectors are kept at most; by default what fits `KEPT`.
    """
    size = start.numel()
    fitting = most_vectors or KEPT // (size * start.element_size())
    room = min(fitting, most_steps, size) + 1
    keep = largest + smallest + EXTRA
    room = max(room, min(keep + 3, size + 1))
    basis = torch.zeros(room, size, dtype=start.dtype, device=start.device)
    projected = torch.zeros(room, room, dtype=torch.float64)
    basis[0] = start / torch.linalg.vector_norm(start)
    count = 1
    for step in range(1, most_steps + 1):
        found = product(basis[count - 1 : count])[0].clone()
        along = _orthogonalize(found, basis[:count])
        projected[:count, count - 1] = projected[count - 1, :count] = along.cpu().double()
        left = float(torch.linalg.vector_norm(found))
        values, rotation = torch.linalg.eigh(projected[:count, :count])
        residuals = left * rotation[-1].abs()
        ritz = Ritz(values, residuals, step, basis[:count], rotation)
        yield ritz
        farthest = float(values.abs().max())
        places = ritz.wanted(largest, smallest)
        # Nothing is known of the distance to a next value while there is hardly any.
        enough = len(values) >= min(largest + smallest + 2, size)
        if enough and bool((ritz.errors(places) <= tolerance * farthest).all()):
            return
        if count == size or left <= torch.finfo(start.dtype).eps * farthest:
            return
        if count == room - 1:
            kept = sorted(ritz.wanted(largest + EXTRA // 2, smallest + EXTRA - EXTRA // 2))
            _rotate(basis, ritz.rotation[:, kept])
            projected.zero_()
            projected[range(len(kept)), range(len(kept))] = values[kept]
            count = len(kept)
        basis[count] = found / left
        count += 1


def _rotate(basis: Tensor, rotation: Tensor) -> None:
    """Put combinations of the first (M, P) vectors in the place of the first K of them, column by
    column: all at once would need room for as many again."""
    given, found = rotation.shape
    turn = rotation.T.to(basis)
    for columns in basis.split(COLUMNS, 1):
        columns[:found] = turn @ columns[:given]


def _orthogonalize(vector: Tensor, basis: Tensor) -> Tensor:
    """Take from a vector what lies along the rows of `basis`: so much of each."""
    along = torch.zeros(len(basis), dtype=vector.dtype, device=vector.device)
    for _ in range(2):
        part = basis @ vector
        vector -= part @ basis
        along += part
    return along
