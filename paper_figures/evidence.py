"""The README's table of evidence, from the stored verdicts.

    python paper_figures/evidence.py

reads genbound/checks/evidence.json (written by `genbound claims check --store`) and genbound/claims/formal.py, and
rewrites the table between the two markers of README.md. Nothing is checked here; whether the stored verdicts are still
about today's code is what `genbound claims` says, and what the tests demand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genbound.claims.formal import formal
from genbound.claims.registry import claims
from genbound.report.claims import Row, with_evidence

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / "genbound" / "checks" / "evidence.json"
README = ROOT / "README.md"
PASSES = ("PROVED", "EXACT", "SUPPORTED")


def rows(stored: dict[str, Any]) -> list[Row]:
    """One row for each claim, in the order of the theory."""
    found = []
    for name, card in claims().items():
        about = stored["claims"].get(name, {"verdicts": {}, "planted": {}})
        statuses = {engine: verdict["status"] for engine, verdict in about["verdicts"].items()}
        passed = {engine for engine, status in statuses.items() if status in PASSES}
        refuted_by = [about["planted"].get(error.name, {}).get("refuted_by") for error in card.planted]
        meets = bool(passed) and card.minimum <= passed and "REFUTED" not in statuses.values()
        proved = bool(formal(name).constants)
        found.append(Row(name, statuses, sum(map(bool, refuted_by)), len(refuted_by), meets, proved))
    return found


def main() -> None:
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    README.write_text(with_evidence(README.read_text(encoding="utf-8"), rows(stored)), encoding="utf-8")


if __name__ == "__main__":
    main()
