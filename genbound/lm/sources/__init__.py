"""Data in: any token stream a model can be certified on, opened by one function.

`open_tokens` reads text, JSON lines, parquet, token files, streamed Hugging Face data sets and the streams of
the ladder, and hands back a `TokenStream`: token ids in a memory map, their hash, and what stood behind them.
"""

from genbound.lm.sources.open import open_tokens
from genbound.lm.sources.stream import TokenStream, tokens_sha256

__all__ = ["TokenStream", "open_tokens", "tokens_sha256"]
