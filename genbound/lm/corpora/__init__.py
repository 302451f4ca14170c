"""Token streams: a fixed character alphabet and the corpora that are read through it."""
