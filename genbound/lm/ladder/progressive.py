"""The progressive validation of a run: one mergeable wealth statistic per smoothing weight alpha.

X_k is the smoothed loss of character k under the predictor from before the update that sees it, Y_k the
entropy of that same smoothed prediction. No code length is due: the predictor is a function of earlier
characters.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from genbound import smoothing
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError
from genbound.files import write_atomic
from genbound.lm.corpora.alphabet import V

_EPOCH = (1980, 1, 1, 0, 0, 0)


class ProgressiveWealth:
    """A `Wealth` for every alpha of `smoothing.ALPHAS`, filled block by block."""

    def __init__(self) -> None:
        self.by_alpha = {
            alpha: Wealth(ceiling=smoothing.ceiling(alpha, V), prediction_floor=smoothing.entropy_floor(alpha, V))
            for alpha in smoothing.ALPHAS
        }

    def update(self, losses: NDArray[np.float64], entropies: NDArray[np.float64]) -> None:
        """Add a block: smoothed losses X and smoothed entropies Y in nats, each (alphas, tokens)."""
        for wealth, x, y in zip(self.by_alpha.values(), losses, entropies, strict=True):
            wealth.update(x, y)

    def to_arrays(self) -> dict[str, NDArray[np.int64]]:
        """Integer arrays, named "<index of alpha>.<array of Wealth.to_arrays>"."""
        return {
            f"{i}.{key}": array
            for i, wealth in enumerate(self.by_alpha.values())
            for key, array in wealth.to_arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.int64]]) -> ProgressiveWealth:
        """The inverse of `to_arrays`.

        Raises:
            DataError: the arrays are not those of these alphas and this alphabet.
        """
        made = cls()
        for i, (alpha, fresh) in enumerate(made.by_alpha.items()):
            prefix = f"{i}."
            stored = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
            wealth = Wealth.from_arrays(stored)
            if (wealth.ceiling, wealth.prediction_floor) != (fresh.ceiling, fresh.prediction_floor):
                raise DataError(f"alpha={alpha!r}: ceiling={wealth.ceiling!r}, need {fresh.ceiling!r}")
            made.by_alpha[alpha] = wealth
        return made

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """For the checkpoint."""
        return {f"wealth/{key}": torch.from_numpy(array) for key, array in self.to_arrays().items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> ProgressiveWealth:
        """The inverse of `to_tensors`; other tensors are passed over."""
        prefix = "wealth/"
        return cls.from_arrays(
            {name.removeprefix(prefix): t.numpy() for name, t in tensors.items() if name.startswith(prefix)}
        )

    def save(self, path: Path, stream_sha256: str) -> None:
        """Write progressive.npz, the same bytes for the same content."""
        arrays: dict[str, np.ndarray] = {
            "alphas": np.array(list(self.by_alpha)),
            "stream_sha256": np.frombuffer(bytes.fromhex(stream_sha256), dtype=np.uint8),
            **self.to_arrays(),
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():
                entry = io.BytesIO()
                np.lib.format.write_array(entry, array, version=(1, 0), allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
                archive.writestr(info, entry.getvalue(), compress_type=zipfile.ZIP_LZMA)
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> tuple[ProgressiveWealth, str]:
        """The statistic and the sha256 of the stream it is about.

        Raises:
            DataError: the file is not one that `save` wrote.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = dict(archive)
            alphas, sha256 = arrays.pop("alphas").tolist(), arrays.pop("stream_sha256").tobytes().hex()
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a progressive validation ({error})") from error
        if alphas != list(smoothing.ALPHAS):
            raise DataError(f"{path}: alphas={alphas}, need {list(smoothing.ALPHAS)} (the preset grid)")
        return cls.from_arrays(arrays), sha256
