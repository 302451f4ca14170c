"""The pytest plugin: a test of anybody's bound in three lines.

    def test_my_bound(check_bound):
        check_bound(my_bound, dependence="iid")

The options may stand on a marker instead, `@pytest.mark.genbound(dependence="iid", side="upper")`; `pytest --genbound`
looks much harder. The test fails with the counterexample, and also when the checks cannot decide. Nothing of genbound
is loaded before the fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from genbound.checks.user import Report

_MARKER = "genbound(dependence='adapted', side='upper', ...): options of check_bound, the fixture that tests a bound"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--genbound`."""
    group = parser.getgroup("genbound", "checks of probability bounds")
    group.addoption("--genbound", action="store_true", help="check_bound looks much harder (minutes a bound)")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, for --strict-markers."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def check_bound(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """`check_bound(function, **options)`: fails the test with a counterexample; returns the report otherwise.

    The options are those of `genbound.checks.user.check_bound`; they win over those of the marker.
    """
    marker = request.node.get_closest_marker("genbound")
    marked: dict[str, Any] = dict(marker.kwargs) if marker else {}

    def checked(function: Callable[..., Any], **options: Any) -> Report:
        __tracebackhide__ = True
        from genbound.checks.user import check_bound as check
        from genbound.checks.verdict import DEEP, STANDARD, Status

        budget = DEEP if request.config.getoption("--genbound") else STANDARD
        report = check(function, **{"budget": budget, **marked, **options})
        if report.status is not Status.SUPPORTED:
            pytest.fail(str(report), pytrace=False)
        return report

    return checked
