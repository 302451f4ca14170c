"""Models trained on other text than any stream that is certified: what Gaussian weights may be centred on.

The architectures and recipes are those of the ladder, one pass over the World English Bible (`corpora.web`). Nothing
in them depends on the ladder's streams but the recipe, whose choice is paid (29.8 nats) as for the ladder's own models.
"""

from genbound.lm.priors.shipped import FOLDER, load, make, path, prior_names

__all__ = ["FOLDER", "load", "make", "path", "prior_names"]
