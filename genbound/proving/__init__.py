"""What is proved without sampling: enclosures, signs, identities, and f >= 0 on a box. Needs sympy."""
