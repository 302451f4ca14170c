"""Checkpoints in: a causal language model from a folder, the Hub, GGUF or the ladder, checked before use.

Weights are read from safetensors or GGUF only, code shipped with a checkpoint is never run, and a model whose
logits at a position depend on a later token is refused: its "loss" would not be the loss of a prediction.
"""

from genbound.lm.checkpoints.causal import check_causal
from genbound.lm.checkpoints.load import DTYPES, LoadedModel, load_model
from genbound.lm.checkpoints.locate import LADDER, PRIOR
from genbound.lm.checkpoints.weights import cast_parameters, config_sha256, context_of, weights_sha256

__all__ = [
    "DTYPES",
    "LADDER",
    "PRIOR",
    "LoadedModel",
    "cast_parameters",
    "check_causal",
    "config_sha256",
    "context_of",
    "load_model",
    "weights_sha256",
]
