"""Random subspaces and structures: orthonormal columns, adjoints, bits that a seed decides, the matrices they mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genbound.errors import DomainError
from genbound.lm.compress import seeds
from genbound.lm.compress.projectors import DENSE_LIMIT, KINDS, hadamard, orthonormal, product, projector
from genbound.lm.compress.structures import KroneckerSum, LowRank, Monarch, Origin, divisor

ORIGIN = Origin(seed=5, place=2, deviation=0.25)


def matrix(kind: str, inner: int, outer: int, seed: int = 3) -> torch.Tensor:
    """P itself, column by column, in float64."""
    apply = projector(kind, inner, outer, seed)
    return torch.stack([apply(column) for column in torch.eye(inner, dtype=torch.float64)], dim=1)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_nearly_orthonormal(kind: str) -> None:
    inner, outer = 20, 2000
    columns = matrix(kind, inner, outer)
    assert columns.shape == (outer, inner)
    gram = columns.T @ columns
    # dense: to the grid; kronecker: but for the rows that were cut; fastfood: in the mean, with deviation about D^-1/2
    slack = {"dense": 1e-4, "kronecker": 0.12, "fastfood": 0.2}[kind]
    assert float((gram - torch.eye(inner, dtype=torch.float64)).abs().max()) < slack
    vectors = torch.randn(200, inner, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ratios = (vectors @ columns.T).norm(dim=1) / vectors.norm(dim=1)
    assert 1 - slack < float(ratios.min()) <= float(ratios.max()) < 1 + slack


@pytest.mark.parametrize("kind", KINDS)
@given(inner=st.integers(1, 40), extra=st.integers(0, 150), seed=st.integers(0, 1 << 20))
@settings(max_examples=25, deadline=None)
def test_any_size_is_linear_and_autograd_gives_the_adjoint(kind: str, inner: int, extra: int, seed: int) -> None:
    outer = inner + extra
    apply = projector(kind, inner, outer, seed)
    generator = torch.Generator().manual_seed(seed)
    w, other = torch.randn(2, inner, dtype=torch.float64, generator=generator)
    v = torch.randn(outer, dtype=torch.float64, generator=generator)
    image, pulled = torch.func.vjp(apply, w)
    assert image.shape == (outer,)
    assert float(image @ v) == pytest.approx(float(w @ pulled(v)[0]), abs=1e-9)
    assert torch.allclose(apply(2 * w - other), 2 * image - apply(other), atol=1e-10)
    single = apply(w.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), image, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_and_nothing_else(kind: str) -> None:
    torch.manual_seed(1)
    first = matrix(kind, 5, 60, seed=7)
    torch.manual_seed(2)
    assert torch.equal(first, matrix(kind, 5, 60, seed=7))
    assert not torch.equal(first, matrix(kind, 5, 60, seed=8))


def test_the_streams_are_what_they_were() -> None:
    """A file holds a seed only, so these numbers are part of the format."""
    assert seeds.stream(0, 1, count=2).tolist() == [16412783775159424549, 10277383025879800780]
    assert seeds.signs(9, count=4).tolist() == [-1.0, 1.0, -1.0, -1.0]
    assert seeds.permutation(4, 2, count=5).tolist() == [2, 0, 3, 1, 4]
    normals = [each.hex() for each in seeds.normals(1, count=3).tolist()]
    assert normals == ["0x1.1395e4bc8ddf5p+0", "0x1.a63a5cda8b6e4p+0", "-0x1.debfea47c8c86p+0"]


def test_normals_have_the_moments_of_a_gaussian() -> None:
    sample = seeds.normals(0, 5, count=1 << 16)
    assert abs(sample.mean()) < 0.02
    assert abs(sample.var() - 1) < 0.02
    assert abs((sample**4).mean() - 2.7) < 0.06  # 3 - 6/(5 x 4) for a sum of four uniforms
    signs = seeds.signs(0, 6, count=1 << 16)
    assert set(signs) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.02


def test_float64_products_are_added_up_in_a_fixed_order() -> None:
    """First to last: 1 + 1e16 - 1e16 is then 0 and not 1."""
    left = torch.tensor([[1.0, 1e16, -1e16]], dtype=torch.float64)
    assert float(product(left, torch.ones(3, 1, dtype=torch.float64))) == 0.0
    a, b = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    assert torch.allclose(product(a, b.transpose(1, 2)), a @ b.transpose(1, 2))


def test_orthonormal_matrices_lie_on_the_grid() -> None:
    basis = orthonormal(30, 6, seed=1, index=0)
    assert torch.equal(basis * 2**20, (basis * 2**20).round())
    assert torch.allclose(basis.T @ basis, torch.eye(6, dtype=torch.float64), atol=1e-4)


def test_hadamard_is_its_own_inverse() -> None:
    rows = torch.randn(3, 16, dtype=torch.float64)
    assert torch.allclose(hadamard(hadamard(rows)), rows)
    assert torch.allclose(hadamard(rows).norm(dim=1), rows.norm(dim=1))


def test_projectors_refuse_what_they_are_not() -> None:
    for kind, inner, outer in (("dense", 0, 5), ("fastfood", 6, 5), ("sparse", 1, 5), ("dense", 2, DENSE_LIMIT)):
        with pytest.raises(DomainError):
            projector(kind, inner, outer, 0)


def test_low_rank_is_the_base_plus_the_product() -> None:
    part = LowRank.of((6, 4), ORIGIN, rank=2)
    assert torch.equal(part.weight(part.initial), part.base)  # B starts at zero
    moved = {"A": part.initial["A"], "B": torch.arange(12.0, dtype=torch.float64).view(6, 2)}
    change = part.weight(moved) - part.base
    assert torch.allclose(change, moved["B"] @ moved["A"])
    assert int(torch.linalg.matrix_rank(change)) == 2


def test_a_kronecker_sum_is_the_sum_of_kronecker_products() -> None:
    part = KroneckerSum.of((12, 8), ORIGIN, rank=3, blocks=4)
    left, right = part.initial["U"], part.initial["V"]
    assert left.shape == (3, 4, 4)
    wanted = sum(torch.kron(left[j], right[j]) for j in range(3))
    assert torch.allclose(part.weight(part.initial), torch.as_tensor(wanted))


def test_monarch_is_two_block_diagonals_and_two_permutations() -> None:
    """The factorised product, written out with real block-diagonal and permutation matrices."""
    rows, columns, b = 12, 8, 4
    part = Monarch.of((rows, columns), ORIGIN, rank=1, blocks=b)
    left, right = part.initial["L"], part.initial["R"]
    inner = torch.block_diag(*[right[:, k, 0, :] for k in range(b)])  # (k, l) from (k, p)
    swap = torch.eye(b * b, dtype=torch.float64)[[k * b + m for m in range(b) for k in range(b)]]  # (l, k)
    outer = torch.block_diag(*[left[m, :, :, 0].T for m in range(b)])  # (l, s) from (l, k)
    tall = rows // b
    place = [m * tall + s for s in range(tall) for m in range(b)]  # (s, l)
    wanted = (outer @ swap @ inner)[place]
    assert torch.allclose(part.weight(part.initial), wanted)


def test_monarch_has_the_published_number_of_entries() -> None:
    """[L24]'s layer: blocks (b, q, in/b) and (b, out/b, q), q the smaller side over b."""
    part = Monarch.of((96, 32), ORIGIN, rank=0, blocks=4)
    assert sum(value.numel() for value in part.initial.values()) == 4 * 8 * 8 + 4 * 24 * 8


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), rank=st.integers(1, 9), blocks=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_structures_take_any_shape(rows: int, columns: int, rank: int, blocks: int) -> None:
    for part in (
        LowRank.of((rows, columns), ORIGIN, rank),
        KroneckerSum.of((rows, columns), ORIGIN, rank, blocks),
        Monarch.of((rows, columns), ORIGIN, rank, blocks),
    ):
        weight = part.weight(part.initial)
        assert weight.shape == (rows, columns)
        assert bool(torch.isfinite(weight).all())
        assert all(value.dtype == torch.float64 for value in part.initial.values())


@pytest.mark.parametrize("structure", ["lora", "kronecker", "monarch"])
def test_initial_weights_have_the_deviation_they_are_given(structure: str) -> None:
    shape = (96, 64)
    part = {
        "lora": LowRank.of(shape, ORIGIN, 2),
        "kronecker": KroneckerSum.of(shape, ORIGIN, 16, 8),
        "monarch": Monarch.of(shape, ORIGIN, 2, 8),
    }[structure]
    assert float(part.weight(part.initial).std()) == pytest.approx(ORIGIN.deviation, rel=0.3)


def test_divisors() -> None:
    assert all(n % divisor(n, k) == 0 for n in range(1, 50) for k in range(1, 20))
    assert np.all([divisor(32, k) == k for k in (1, 2, 4, 8, 16, 32)])
