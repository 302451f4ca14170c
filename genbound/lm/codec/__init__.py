"""The coded model file: architecture and weights in as few bits as they take, decoded bit for bit, by this
file alone.
"""

from genbound.lm.codec.container import (
    DecodedModel,
    build_model,
    code_bits,
    decode,
    decode_prefix,
    encode,
    read,
    sections,
    write,
)

__all__ = ["DecodedModel", "build_model", "code_bits", "decode", "decode_prefix", "encode", "read", "sections", "write"]
