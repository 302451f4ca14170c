"""Sampling windows from the ladder's network, and the two laws whose ratio is paid.

A window is spoken token by token, so the attention of the tokens already there is kept. The law q is the one that is
sampled: the float64 softmax of these very logits. The law p of the student is computed over whole windows; the two
need not be computed alike, each has to be a law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genbound.lm.train.functional import EMBEDDING, HEAD, Network, Weights

SAMPLING_ERROR = 2.0**-50
"""Times V: what the float64 inverse of the distribution function may add to the probability of a token."""


Voices = Sequence[tuple[float, Weights]]
"""Shares that add up to 1, and the weights of a network each: together the law q ~ prod p_i^share_i."""


@torch.no_grad()
def speak(network: Network, voices: Voices, length: int, windows: int, seed: tuple[int, ...]) -> tuple[Tensor, float]:
    """Windows of `length` + 1 tokens: the first from the uniform law, each other from q.

    Args:
        network, voices: who speaks: the geometric mixture of these laws, renormalised.
        length: T, tokens drawn per window from q. windows: how many.
        seed: of the uniforms that are inverted: nothing else is random.

    Returns:
        The tokens, (windows, T + 1) int64, and the sum of ln q over the drawn ones, nats, rounded up: ln(q + 2^-50 V)
        covers what float64 sampling may add to q.
    """
    vocab_size = voices[0][1][EMBEDDING].shape[0]
    generator = np.random.Generator(np.random.PCG64(seed))
    tokens = torch.empty((windows, length + 1), dtype=torch.int64)
    tokens[:, 0] = torch.from_numpy(generator.integers(0, vocab_size, windows))
    uniforms = torch.from_numpy(generator.random((length, windows)))
    pasts = [(share, _Past(network, weights, windows, length)) for share, weights in voices if share]
    logs = []
    for place in range(length):
        logits = torch.stack([share * past.logits(tokens[:, place]).double() for share, past in pasts]).sum(0)
        law = torch.softmax(logits, dim=-1)
        reached = law.cumsum(dim=-1)
        drawn = (reached <= uniforms[place][:, None] * reached[:, -1:]).sum(dim=-1).clamp_(max=vocab_size - 1)
        tokens[:, place + 1] = drawn
        logs.append((law.gather(-1, drawn[:, None]) + SAMPLING_ERROR * vocab_size).log_())
    total = math.fsum(torch.cat(logs).flatten().tolist())
    return tokens, math.nextafter(total, math.inf)


@torch.no_grad()
def log_laws(network: Network, voices: Voices, tokens: Tensor) -> Tensor:
    """ln q of every next token, nats, (windows, T, V) float64, of windows of T + 1 tokens."""
    logits = [share * network.logits(weights, tokens[:, :-1]).double() for share, weights in voices if share]
    return torch.log_softmax(torch.stack(logits).sum(0), dim=-1)


def log_prob(logs: Tensor, tokens: Tensor) -> float:
    """sum ln p over the drawn tokens, nats, rounded down, from the log-laws (windows, T, V)."""
    values = logs.gather(-1, tokens[:, 1:, None])
    return math.nextafter(math.fsum(values.flatten().tolist()), -math.inf)


def divergence(teacher: Tensor, student: Tensor) -> float:
    """sum KL(q || p) over the positions, nats."""
    return float((teacher.exp() * (teacher - student)).sum())


class _Past:
    """Keys and values of the tokens so far."""

    def __init__(self, network: Network, weights: Weights, windows: int, length: int) -> None:
        self.network, self.weights, self.place = network, weights, 0
        self.head = weights[EMBEDDING].shape[1] // network.heads
        shape = (network.layers, windows, network.heads, length, self.head)
        self.keys, self.values = torch.zeros(shape), torch.zeros(shape)

    def logits(self, tokens: Tensor) -> Tensor:
        """Next-token logits, (windows, V), after one more token of each window."""
        network = self.network
        x = self.weights[EMBEDDING][tokens]
        for layer in range(network.layers):
            prefix = f"gpt_neox.layers.{layer}."
            attended = self._attention(layer, self._linear(f"{prefix}attention.query_key_value",
                                                           self._norm(f"{prefix}input_layernorm", x)))  # fmt: skip
            attended = self._linear(f"{prefix}attention.dense", attended)
            stream = x if network.parallel else attended + x
            up = F.gelu(self._linear(f"{prefix}mlp.dense_h_to_4h",
                                     self._norm(f"{prefix}post_attention_layernorm", stream)))  # fmt: skip
            worked = self._linear(f"{prefix}mlp.dense_4h_to_h", up)
            x = worked + attended + x if network.parallel else worked + stream
        self.place += 1
        x = self._norm("gpt_neox.final_layer_norm", x)
        return F.linear(x, self.weights.get(HEAD, self.weights[EMBEDDING]))

    def _attention(self, layer: int, mixed: Tensor) -> Tensor:
        windows, to = len(mixed), self.place + 1
        query, key, value = mixed.view(windows, self.network.heads, 3 * self.head).chunk(3, dim=-1)
        self.keys[layer, :, :, self.place], self.values[layer, :, :, self.place] = self._rotated(key), value
        scores = self.keys[layer, :, :, :to] @ self._rotated(query)[..., None] / math.sqrt(self.head)
        share = torch.softmax(scores.squeeze(-1), dim=-1)
        return (share[:, :, None] @ self.values[layer, :, :, :to]).reshape(windows, -1)

    def _rotated(self, x: Tensor) -> Tensor:
        turned, kept = x[..., : self.network.rotary], x[..., self.network.rotary :]
        first, second = turned.chunk(2, dim=-1)
        swapped = torch.cat([-second, first], dim=-1)
        turned = turned * self.network.cosine[self.place] + swapped * self.network.sine[self.place]
        return torch.cat([turned, kept], dim=-1)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.layer_norm(x, x.shape[-1:], weight, bias, self.network.eps)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])
