"""The ladder's network as a pure function of named weights: what every trainer of this room differentiates.

The names and the arithmetic are those of transformers' GPT-NeoX, to the bit on a CPU; what is certified is always the
transformers model, this one only trains it, without the cost of modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genbound.errors import ModelError

Weights = Mapping[str, Tensor]

EMBEDDING = "gpt_neox.embed_in.weight"
HEAD = "lm_head.weight"


@dataclass(frozen=True, eq=False)
class Network:
    """A GPT-NeoX network without its weights.

    Attributes:
        layers, heads: of the transformer.
        parallel: attention and MLP read the same residual stream.
        rotary: channels of a head that are rotated.
        eps: of the layer norms.
        cosine, sine: rotary tables, (context, rotary).
    """

    layers: int
    heads: int
    parallel: bool
    rotary: int
    eps: float
    cosine: Tensor = field(repr=False)
    sine: Tensor = field(repr=False)

    @classmethod
    def of(cls, config: Any, device: str = "cpu") -> Network:
        """The network of a transformers configuration.

        Raises:
            ModelError: not a GPT-NeoX with GELU, biases and default rotary embeddings.
        """
        rope = dict(getattr(config, "rope_parameters", None) or {})
        plain = rope.get("rope_type", "default") == "default"
        if getattr(config, "model_type", None) != "gpt_neox" or config.hidden_act != "gelu" or not plain:
            raise ModelError(
                f"{getattr(config, 'model_type', type(config).__name__)}: only GPT-NeoX with GELU and default rotary"
                " embeddings can be trained here"
            )
        head = config.hidden_size // config.num_attention_heads
        rotary = int(head * float(rope.get("partial_rotary_factor", 1.0)))
        even = torch.arange(0, rotary, 2, dtype=torch.int64).float()
        inverse = 1.0 / (float(rope.get("rope_theta", 10000.0)) ** (even / rotary))
        angles = torch.outer(torch.arange(config.max_position_embeddings).float(), inverse)
        both = torch.cat([angles, angles], dim=-1).to(device)
        return cls(
            layers=config.num_hidden_layers, heads=config.num_attention_heads,
            parallel=bool(config.use_parallel_residual), rotary=both.shape[-1], eps=float(config.layer_norm_eps),
            cosine=both.cos(), sine=both.sin(),
        )  # fmt: skip

    def logits(self, weights: Weights, ids: Tensor) -> Tensor:
        """Next-token logits, (windows, T, V), of token ids (windows, T); the head is the embedding unless given."""
        x = F.embedding(ids, weights[EMBEDDING])
        for layer in range(self.layers):
            prefix = f"gpt_neox.layers.{layer}."
            attended = self._attention(weights, prefix, self._norm(weights, f"{prefix}input_layernorm", x))
            stream = x if self.parallel else attended + x
            worked = self._mlp(weights, prefix, self._norm(weights, f"{prefix}post_attention_layernorm", stream))
            x = worked + attended + x if self.parallel else worked + stream
        x = self._norm(weights, "gpt_neox.final_layer_norm", x)
        return F.linear(x, weights.get(HEAD, weights[EMBEDDING]))

    def loss(self, weights: Weights, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean loss, nats per token."""
        return F.cross_entropy(self.logits(weights, ids).flatten(0, 1), targets.flatten())

    def _norm(self, weights: Weights, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], self.eps)

    def _mlp(self, weights: Weights, prefix: str, x: Tensor) -> Tensor:
        up = F.gelu(_linear(weights, f"{prefix}mlp.dense_h_to_4h", x))
        return _linear(weights, f"{prefix}mlp.dense_4h_to_h", up)

    def _attention(self, weights: Weights, prefix: str, x: Tensor) -> Tensor:
        rows, length, hidden = x.shape
        mixed = _linear(weights, f"{prefix}attention.query_key_value", x)
        query, key, value = mixed.view(rows, length, self.heads, -1).transpose(1, 2).chunk(3, dim=-1)
        out = F.scaled_dot_product_attention(self._rotated(query), self._rotated(key), value, is_causal=True)
        return _linear(weights, f"{prefix}attention.dense", out.transpose(1, 2).reshape(rows, length, hidden))

    def _rotated(self, x: Tensor) -> Tensor:
        """Rotary position embedding of the first `rotary` channels."""
        length = x.shape[-2]
        turned, kept = x[..., : self.rotary], x[..., self.rotary :]
        first, second = turned.chunk(2, dim=-1)
        swapped = torch.cat([-second, first], dim=-1)
        turned = turned * self.cosine[:length] + swapped * self.sine[:length]
        return torch.cat([turned, kept], dim=-1) if kept.shape[-1] else turned


def _linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
