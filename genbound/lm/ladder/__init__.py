"""The shipped ladder: small GPT-NeoX models of presidential messages, and the recipes that train them."""
