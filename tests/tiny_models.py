"""Tiny random models and tokenizers for tests: made in milliseconds, the same for the same arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

KINDS = ("gpt2", "llama", "neox")
WIDTH, LAYERS, HEADS, CONTEXT, INNER = 32, 2, 2, 64, 48

SAMPLE = (
    "The quick brown fox jumps over the lazy dog.\n"
    "A bound says: with high probability over the tokens, the risk is at most something computable.\n"
    "She sells sea shells by the sea shore; the shells she sells are sea shells, she is sure.\n"
) * 4


def config(kind: str, tied: bool, vocab_size: int = 96) -> Any:
    """The configuration of a tiny model: `gpt2`, `llama` or `neox`."""
    from transformers import GPT2Config, GPTNeoXConfig, LlamaConfig

    common: dict[str, Any] = {"vocab_size": vocab_size, "tie_word_embeddings": tied, "use_cache": False}
    common |= {"bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        return GPT2Config(n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=CONTEXT, n_inner=INNER, **common)
    shape = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    common |= {**shape, "intermediate_size": INNER, "max_position_embeddings": CONTEXT}
    if kind == "llama":
        return LlamaConfig(num_key_value_heads=1, **common)
    if kind == "neox":
        return GPTNeoXConfig(**common)
    raise ValueError(f"kind={kind!r}: need one of {KINDS}")


def build(kind: str, tied: bool = True, vocab_size: int = 96, seed: int = 0) -> Any:
    """A tiny causal model in evaluation mode, with weights large enough that its predictions differ."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config(kind, tied, vocab_size))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, 0.2)
    return model.eval()


def parameter_count(kind: str, tied: bool, vocab_size: int = 96) -> int:
    """The number of parameters of `build(kind, tied, vocab_size)`, worked out by hand."""
    h, m, v = WIDTH, INNER, vocab_size
    embeddings = v * h * (1 if tied else 2)
    if kind == "gpt2":
        layer = (3 * h * h + 3 * h) + (h * h + h) + (h * m + m) + (m * h + h) + 4 * h
        return embeddings + CONTEXT * h + LAYERS * layer + 2 * h
    if kind == "llama":
        layer = h * h + 2 * (h * h // HEADS) + h * h + 3 * h * m + 2 * h
        return embeddings + LAYERS * layer + h
    layer = (3 * h * h + 3 * h) + (h * h + h) + (h * m + m) + (m * h + h) + 4 * h
    return embeddings + LAYERS * layer + 2 * h


def make_tokenizer(kind: str, vocab_size: int = 96) -> Any:
    """A tiny Hugging Face tokenizer: `characters` (an id per character) or `bpe` (trained on `SAMPLE`).

    With fewer than 257 ids the byte-level BPE knows the letters of `SAMPLE` only, and drops others.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if kind == "characters":
        vocabulary = {"<|end|>": 0, "\n": 1} | {chr(31 + i): i + 1 for i in range(1, min(96, vocab_size - 1))}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|end|>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    elif kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet() if vocab_size >= 257 else []
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator([SAMPLE], trainer)
    else:
        raise ValueError(f"kind={kind!r}: need 'characters' or 'bpe'")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|end|>")


def save_folder(
    path: Path,
    kind: str = "gpt2",
    tied: bool = True,
    vocab_size: int = 96,
    seed: int = 0,
    tokenizer: str | None = None,
) -> Path:
    """Save a tiny model as a Hugging Face folder, with a tokenizer beside it if one is asked for."""
    build(kind, tied, vocab_size, seed).save_pretrained(path)
    if tokenizer is not None:
        make_tokenizer(tokenizer, vocab_size).save_pretrained(path)
    return path


_GGUF_NAMES = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}
_GGUF_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def save_gguf(path: Path, tied: bool = True, vocab_size: int = 96, tokenizer: bool = False, q8: bool = False) -> Any:
    """Save a tiny Llama as GGUF, with `q8` its embeddings in 8-bit blocks; returns the model itself."""
    import gguf
    import numpy as np

    model = build("llama", tied, vocab_size)
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(vocab_size)
    if tokenizer:
        state = json.loads(make_tokenizer("bpe", vocab_size).backend_tokenizer.to_str())["model"]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(sorted(state["vocab"], key=state["vocab"].__getitem__))
        writer.add_token_merges([" ".join(pair) for pair in state["merges"]])
        writer.add_token_types([3] + [1] * (vocab_size - 1))
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(0)
    for name, tensor in model.state_dict().items():
        values = tensor.numpy()
        parts = name.removesuffix(".weight").removeprefix("model.").split(".", 2)
        if parts[0] != "layers":
            if parts[0] == "lm_head" and tied:
                continue
            target = f"{_GGUF_NAMES[parts[0]]}.weight"
        else:
            target = f"blk.{parts[1]}.{_GGUF_LAYER[parts[2]]}.weight"
        for projection, heads in (("q_proj", HEADS), ("k_proj", config.num_key_value_heads)):
            if name.endswith(f"{projection}.weight"):  # GGUF interleaves the two halves of each head
                rows = len(values)
                values = values.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(rows, -1)
        values = np.ascontiguousarray(values)
        if q8 and parts[0] == "embed_tokens":
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(target, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(target, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model
