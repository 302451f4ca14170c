"""scikit-learn's own checks, on every law twice: as it is, and on a subclass that can enter the checks' data.

The checks draw X of 1 to 30 columns around 0 and, told that X is not negative, shift it until its smallest entry IS 0.
A law has its columns and takes logarithms. So as they are, the laws must fail exactly the checks in COLUMNS (X of
another number of columns), ZEROS (a size 0) and TOO_FEW (fewer sizes than parameters), with that error, and pass all
others. The subclass changes one method, from X to sizes, and must pass every check but those of TOO_FEW.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from genbound.errors import DataError, DomainError
from genbound.scaling import ChinchillaLaw, GapLaw, SaturatingPowerLaw
from genbound.scaling.estimator import LogSumExpLaw

COLUMNS = {
    "check_fit_score_takes_y": "X has 3 columns",
    "check_dont_overwrite_parameters": "X has 3 columns",
    "check_n_features_in_after_fitting": "X has 4 columns",
    "check_estimators_dtypes": "X has 5 columns",
    "check_sample_weights_pandas_series": "X has 2 columns, and a 0",
    "check_sample_weights_list": "X has 3 columns",
    "check_sample_weight_equivalence_on_dense_data": "X has 30 columns",
    "check_dtype_object": "X has 10 columns",
    "check_pipeline_consistency": "X has 3 columns",
    "check_estimators_nan_inf": "X has 3 columns where it is finite",
    "check_estimators_pickle": "X has 3 columns",
    "check_f_contiguous_array_estimator": "X has 3 columns",
    "check_regressors_train": "X has 10 columns",
    "check_regressor_data_not_an_array": "X has 10 columns",
    "check_regressors_no_decision_function": "X has 4 columns",
    "check_supervised_y_2d": "X has 3 columns",
    "check_regressors_int": "X has 10 columns",
    "check_methods_sample_order_invariance": "X has 3 columns",
    "check_methods_subset_invariance": "X has 3 columns",
    "check_dict_unchanged": "X has 3 columns",
    "check_fit2d_predict1d": "X has 3 columns",
}
ZEROS = {
    "check_estimators_overwrite_params": "X has 2 columns, and a 0",
    "check_estimators_fit_returns_self": "X has 2 columns, and a 0",
    "check_readonly_memmap_input": "X has 2 columns, and a 0",
    "check_sample_weights_not_an_array": "X has 2 columns, and a 0",
    "check_fit_idempotent": "X has 2 columns, and a 0",
    "check_fit_check_is_fitted": "X has 2 columns, and a 0",
    "check_n_features_in": "X has 2 columns, and a 0",
}
TOO_FEW = {
    "check_sample_weights_shape": "X has 4 different rows: Chinchilla's law has 5 parameters",
    "check_sample_weights_not_overwritten": "X has 4 different rows: Chinchilla's law has 5 parameters",
}
ONE_COLUMN_ONLY = {
    "check_sample_weights_shape": "X has 2 columns",
    "check_sample_weights_not_overwritten": "X has 2 columns",
    "check_fit2d_1feature": "X has 1 column, and a 0",
}
LAWS = [
    ChinchillaLaw(starts=4),
    SaturatingPowerLaw(starts=4),
    GapLaw(starts=4),
    GapLaw(exponents=(0.25, 0.5), starts=4),
]


class _Entering(LogSumExpLaw):
    """Takes any finite X: the law's number of columns (repeated if there are fewer), exponentiated."""

    def _sizes(self, X: np.ndarray) -> np.ndarray:
        columns = np.arange(len(self._layout().columns)) % X.shape[1]
        return np.exp(np.clip(X[:, columns], -30, 30))


class EnteringChinchilla(_Entering, ChinchillaLaw):
    pass


class EnteringSaturating(_Entering, SaturatingPowerLaw):
    pass


class EnteringGap(_Entering, GapLaw):
    pass


ENTERING = [
    EnteringChinchilla(starts=4),
    EnteringChinchilla(starts=4, tied_exponents=True),
    EnteringSaturating(starts=4),
    EnteringGap(starts=4),
    EnteringGap(exponents=(0.25, 0.5), starts=4),
]


def failed(law: Any, expected: dict[str, str]) -> dict[str, BaseException]:
    """The checks that were run and not passed."""
    results = check_estimator(law, expected_failed_checks=expected, on_skip=None, on_fail=None)
    assert len(results) > 50
    for result in results:  # the one skipped check needs SCIPY_ARRAY_API set
        assert result["status"] != "skipped" or result["check_name"] == "check_array_api_input", result["check_name"]
    return {result["check_name"]: result["exception"] for result in results if result["exception"] is not None
            and result["status"] in ("failed", "xfail")}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_laws_fail_what_their_domain_excludes_and_nothing_else(law: Any) -> None:
    expected = COLUMNS | ZEROS | (TOO_FEW if isinstance(law, ChinchillaLaw) else ONE_COLUMN_ONLY)
    found = failed(law, expected)
    assert set(found) == set(expected)
    for name, error in found.items():
        chain = f"{error!r} {error.__cause__!r} {error.__context__!r}"
        ours = isinstance(error, DataError | DomainError) or any(
            word in chain for word in ("X: n_features", "X=0.0", "different sizes")
        )
        assert ours, (name, chain)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("law", ENTERING, ids=str)
def test_every_check_passes_once_its_data_can_be_entered(law: Any) -> None:
    expected = TOO_FEW if isinstance(law, ChinchillaLaw) and not law.tied_exponents else {}
    assert set(failed(law, expected)) == set(expected)
