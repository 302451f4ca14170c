"""Names every coded configuration may refer to by number: common architectures and configuration keys of
transformers.

The order is part of the file format; new names are only ever added at the end.
"""

from __future__ import annotations

MODEL_TYPES = (
    "gpt2", "gpt_neox", "llama", "gpt_neo", "gptj", "opt", "bloom", "mpt", "falcon", "phi", "phi3", "qwen2", "qwen3",
    "mistral", "mixtral", "gemma", "gemma2", "gemma3_text", "olmo", "olmo2", "olmo3", "stablelm", "starcoder2",
    "smollm3", "granite", "cohere", "mamba", "mamba2", "rwkv", "gpt_bigcode", "codegen", "nanochat",
)  # fmt: skip

KEYS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
    "max_position_embeddings", "head_dim", "hidden_act", "tie_word_embeddings", "rope_parameters", "rope_theta",
    "partial_rotary_factor", "rope_type", "use_parallel_residual", "attention_bias", "mlp_bias", "layer_norm_eps",
    "rms_norm_eps", "layer_norm_epsilon", "n_positions", "n_embd", "n_layer", "n_head", "n_inner",
    "activation_function", "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
    "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings", "rotary_pct",
    "sliding_window", "use_sliding_window", "max_window_layers", "layer_types", "attention_layers", "attention_types",
    "num_layers", "num_heads", "d_model", "n_heads", "n_layers", "ffn_dim", "max_seq_len", "do_layer_norm_before",
    "word_embed_proj_dim", "n_ctx", "rotary_dim", "window_size", "hidden_activation", "final_logit_softcapping",
    "attn_logit_softcapping", "query_pre_attn_scalar", "attention_multiplier", "embedding_multiplier",
    "residual_multiplier", "logits_scaling", "use_qkv_bias", "qk_layernorm", "no_rope_layers", "state_size",
    "conv_kernel", "expand", "time_step_rank", "num_local_experts", "num_experts", "num_experts_per_tok",
    "multi_query", "alibi", "new_decoder_architecture", "parallel_attn", "bias", "num_kv_heads", "qk_norm",
)  # fmt: skip

WORDS = (
    "default", "linear", "dynamic", "llama3", "yarn", "longrope", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh",
    "relu", "relu2", "silu", "swish", "tanh", "quick_gelu", "full_attention", "sliding_attention", "global", "local",
)  # fmt: skip

IGNORED = frozenset(
    {
        "transformers_version", "architectures", "output_hidden_states", "output_attentions", "return_dict", "dtype",
        "torch_dtype", "chunk_size_feed_forward", "id2label", "label2id", "problem_type", "_name_or_path",
        "name_or_path", "model_type", "use_cache", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id",
        "decoder_start_token_id", "initializer_range", "initializer_factor", "attention_dropout", "hidden_dropout",
        "classifier_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "resid_dropout", "embed_dropout", "dropout",
        "activation_dropout", "layerdrop", "emb_dropout_prob", "attention_probs_dropout_prob", "hidden_dropout_prob",
        "classifier_dropout_prob", "summary_type", "summary_use_proj", "summary_activation",
        "summary_proj_to_labels", "summary_first_dropout", "pretraining_tp", "task_specific_params",
        "tokenizer_class", "prefix", "finetuning_task", "gradient_checkpointing", "auto_map", "quantization_config",
        "attn_implementation", "_attn_implementation", "experts_implementation", "trust_remote_code", "is_decoder",
        "is_encoder_decoder", "cross_attention_hidden_size", "add_cross_attention", "backbone", "use_timm_backbone",
        "backbone_config", "base_model_tp_plan", "base_model_pp_plan", "slow_but_exact", "transformers_weights",
        "gguf_file", "use_kernels", "kernel_config",
    }
)  # fmt: skip
"""Keys that do not change the evaluated function, or that may not be chosen by a file; never coded, never
read.
"""

MEANINGFUL = (
    "hidden_act", "hidden_activation", "activation_function", "layer_norm_eps", "rms_norm_eps", "layer_norm_epsilon",
    "rope_parameters", "use_parallel_residual", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
    "num_attention_heads", "num_key_value_heads", "n_head", "head_dim", "sliding_window", "layer_types",
    "final_logit_softcapping", "attn_logit_softcapping", "query_pre_attn_scalar", "tie_word_embeddings",
)  # fmt: skip
"""Keys whose resolved values enter the file's check, so that a changed default of the library is noticed."""
