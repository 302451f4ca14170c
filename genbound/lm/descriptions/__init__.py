"""Descriptions: files from which a model and its price follow, one route for every way of writing them."""
