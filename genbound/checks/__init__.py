"""The checks: one engine a file, each `check(claim, budget) -> Verdict`; and what runs, stores and reports them."""
