"""Wrong steps: the search for what contradicts them."""
