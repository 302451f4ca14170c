"""Checkpoints: what is loaded is what was saved, and what cannot be certified is refused in one line."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tiny_models as tiny
import torch

from genbound.errors import ModelError
from genbound.lm.checkpoints import check_causal, load_model, weights_sha256


def refusal(spec, **options) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(spec, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_folder_loads_as_it_was_saved(tmp_path, kind, tied):
    folder = tiny.save_folder(tmp_path / "model", kind, tied)
    loaded = load_model(folder)
    assert loaded.parameters == tiny.parameter_count(kind, tied)
    assert (loaded.vocab_size, loaded.context, loaded.tokenizer) == (96, tiny.CONTEXT, None)
    assert (loaded.name, loaded.kind, loaded.dtype, loaded.device) == ("model", "folder", "float32", "cpu")
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    ids = torch.arange(20)[None]
    original = tiny.build(kind, tied)
    assert torch.equal(loaded.model(input_ids=ids).logits, original(input_ids=ids).logits)
    assert loaded.sha256 == weights_sha256(original) == load_model(str(folder)).sha256


def test_the_hash_names_the_weights(tmp_path):
    hashes = {weights_sha256(tiny.build("gpt2", tied, seed=seed)) for tied in (True, False) for seed in (0, 1)}
    assert len(hashes) == 4
    folder = tiny.save_folder(tmp_path / "model")
    assert load_model(folder, dtype="bfloat16").sha256 != load_model(folder).sha256
    model = tiny.build("gpt2")
    before = weights_sha256(model)
    with torch.no_grad():
        model.transformer.h[1].ln_2.bias[3] += 1e-6
    assert weights_sha256(model) != before


def test_a_report_of_the_model_is_plain(tmp_path):
    loaded = load_model(tiny.save_folder(tmp_path / "model"))
    assert json.loads(json.dumps(loaded.to_dict()))["parameters"] == loaded.parameters
    assert "20,192" in str(loaded)


def test_the_tokenizer_beside_the_model_comes_with_it(tmp_path):
    loaded = load_model(tiny.save_folder(tmp_path / "model", "llama", vocab_size=300, tokenizer="bpe"))
    assert loaded.tokenizer.decode(loaded.tokenizer("sea shells")["input_ids"]) == "sea shells"


def test_a_tokenizer_too_large_for_the_model_is_refused(tmp_path):
    folder = tiny.save_folder(tmp_path / "model", vocab_size=96)
    tiny.make_tokenizer("bpe", 120).save_pretrained(folder)
    assert "ids up to 119 for a model of vocabulary 96" in refusal(folder)


def test_a_padding_token_on_top_does_not_matter(tmp_path):
    folder = tiny.save_folder(tmp_path / "model", vocab_size=96)
    tokenizer = tiny.make_tokenizer("bpe", 96)
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    tokenizer.save_pretrained(folder)
    assert len(load_model(folder).tokenizer) == 97


def test_an_unreadable_tokenizer_is_refused(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    (folder / "tokenizer.json").write_text("{")
    assert "tokenizer cannot be read" in refusal(folder)


def test_the_ladder_is_read_through_the_fixed_alphabet():
    loaded = load_model("ladder:10k")
    assert (loaded.kind, loaded.name, loaded.tokenizer) == ("ladder", "ladder:10k", "characters")
    assert (loaded.vocab_size, loaded.parameters) == (96, 10120)
    assert "need one of" in refusal("ladder:nine")


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_gguf_gives_the_weights_it_holds(tmp_path, tied):
    original = tiny.save_gguf(tmp_path / "tiny.gguf", tied)
    for loaded in (load_model(tmp_path / "tiny.gguf"), load_model(tmp_path, gguf_file="tiny.gguf")):
        assert (loaded.kind, loaded.name, loaded.gguf_file) == ("gguf", "tiny.gguf", "tiny.gguf")
        assert (loaded.vocab_size, loaded.context, loaded.tokenizer) == (96, tiny.CONTEXT, None)
        assert loaded.parameters == tiny.parameter_count("llama", tied)
        assert loaded.sha256 == weights_sha256(original)


def test_gguf_blocks_are_unpacked_and_its_tokenizer_is_read(tmp_path):
    original = tiny.save_gguf(tmp_path / "tiny.gguf", vocab_size=120, tokenizer=True, q8=True)
    loaded = load_model(tmp_path / "tiny.gguf")
    weight = loaded.model.get_input_embeddings().weight
    expected = original.get_input_embeddings().weight
    assert weight.dtype == torch.float32
    assert 0 < (weight - expected).abs().max() < expected.abs().max() / 120
    assert loaded.tokenizer("sea shells")["input_ids"] == tiny.make_tokenizer("bpe", 120)("sea shells")["input_ids"]


def test_a_broken_gguf_file_is_refused(tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 40)
    assert "bad.gguf: cannot be loaded" in refusal(tmp_path / "bad.gguf")
    assert "no file 'other.gguf'" in refusal(tmp_path, gguf_file="other.gguf")
    assert "pass gguf_file='bad.gguf'" in refusal(tmp_path)


def bert_config():
    from transformers import BertConfig

    return BertConfig(
        vocab_size=96, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64,
    )  # fmt: skip


def test_models_without_a_next_token_head_are_refused(tmp_path):
    from transformers import BertForMaskedLM, BertModel, T5Config, T5ForConditionalGeneration

    BertModel(bert_config()).save_pretrained(tmp_path / "bert")
    assert "BertModel is no causal language model" in refusal(tmp_path / "bert")
    BertForMaskedLM(bert_config()).save_pretrained(tmp_path / "masked")
    assert "BertForMaskedLM is no causal language model" in refusal(tmp_path / "masked")
    t5 = T5Config(vocab_size=96, d_model=32, d_kv=16, d_ff=48, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(t5).save_pretrained(tmp_path / "t5")
    assert "encoder-decoder" in refusal(tmp_path / "t5")
    tiny.build("gpt2", tied=True).transformer.save_pretrained(tmp_path / "headless")
    assert "GPT2Model is no causal language model" in refusal(tmp_path / "headless")


def test_missing_weights_are_never_drawn_at_random(tmp_path):
    tiny.build("gpt2", tied=False).transformer.save_pretrained(tmp_path / "headless")
    config = tmp_path / "headless" / "config.json"
    config.write_text(config.read_text().replace("GPT2Model", "GPT2LMHeadModel"))
    assert "missing from the checkpoint (first: lm_head.weight)" in refusal(tmp_path / "headless")


def test_a_model_that_sees_the_future_is_refused_whatever_its_class(tmp_path):
    from transformers import BertLMHeadModel

    BertLMHeadModel(bert_config()).save_pretrained(tmp_path / "seer")
    assert "not causal" in refusal(tmp_path / "seer")


@pytest.mark.parametrize("ahead", [1, 5])
def test_a_peek_ahead_is_found(ahead):
    class Peeking(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Embedding(96, 96)

        def forward(self, input_ids):
            seen = self.weight(input_ids)
            return type("Output", (), {"logits": seen + 0.01 * torch.roll(seen, -ahead, dims=1)})

    tokens = np.random.default_rng(0).integers(0, 96, 24)
    with pytest.raises(ModelError, match="not causal"):
        check_causal(Peeking(), tokens)
    for kind in tiny.KINDS:
        assert check_causal(tiny.build(kind), tokens) == 96
    with pytest.raises(ModelError, match="need at least 2"):
        check_causal(Peeking(), tokens[:1])


def test_pickled_weights_are_refused_unread(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    message = refusal(folder)
    assert "pytorch_model.bin" in message
    assert "convert" in message
    (folder / "pytorch_model.bin").unlink()
    assert "no weights (*.safetensors)" in refusal(folder)
    tiny.save_folder(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": "adapter_model.bin"}))
    assert "points at 'adapter_model.bin'" in refusal(folder)


def test_code_beside_the_weights_is_never_run(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    proof = tmp_path / "ran"
    (folder / "custom.py").write_text(f"open({str(proof)!r}, 'w').close()\n")
    config = json.loads((folder / "config.json").read_text())
    remote = {
        "model_type": "custom",
        "auto_map": {"AutoConfig": "custom.C", "AutoModelForCausalLM": "custom.M"},
    }
    (folder / "config.json").write_text(json.dumps({**config, **remote}))
    assert "cannot be loaded" in refusal(folder)
    assert not proof.exists()


def test_damaged_folders_are_refused(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model: cannot be loaded" in refusal(folder)
    (folder / "config.json").write_text("{")
    assert "model: cannot be loaded" in refusal(folder)
    (folder / "config.json").unlink()
    assert "no config.json" in refusal(folder)
    (folder / "adapter_config.json").write_text("{}")
    assert "an adapter" in refusal(folder)


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_embd": 64}))
    assert "model: cannot be loaded" in refusal(folder)


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    assert "no such folder or .gguf file" in refusal(tmp_path / "nothing")
    (tmp_path / "weights.bin").write_bytes(b"x")
    assert "not .gguf" in refusal(tmp_path / "weights.bin")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "not to be had from the Hub" in refusal("nobody/no-such-model")


def test_dtype_and_device(tmp_path):
    folder = tiny.save_folder(tmp_path / "model")
    assert next(load_model(folder, dtype="bfloat16").model.parameters()).dtype == torch.bfloat16
    assert next(load_model(folder, dtype=torch.float64).model.parameters()).dtype == torch.float64
    assert "need one of float32" in refusal(folder, dtype="int8")
    assert "device='nowhere'" in refusal(folder, device="nowhere")
    if not torch.cuda.is_available():
        assert "device='cuda': not available here" in refusal(folder, device="cuda")


def test_loading_is_quiet_and_leaves_the_settings(tmp_path, capfd):
    from transformers.utils import logging as transformers_logging

    folder: Path = tiny.save_folder(tmp_path / "model", tokenizer="bpe")
    capfd.readouterr()
    logger = logging.getLogger("transformers")
    before = (logger.level, transformers_logging.is_progress_bar_enabled())
    load_model(folder)
    assert capfd.readouterr() == ("", "")
    assert (logger.level, transformers_logging.is_progress_bar_enabled()) == before
