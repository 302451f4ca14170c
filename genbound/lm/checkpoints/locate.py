"""Where a checkpoint is and of which kind, and the folders that are refused before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

from genbound.errors import ModelError
from genbound.lm.corpora.alphabet import V

LADDER = "ladder:"
PRIOR = "prior:"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def locate(source: str, gguf_file: str | None) -> tuple[str, str, str, str | None]:
    """Kind, name, what transformers loads from, and the GGUF file inside it."""
    if source.startswith(LADDER):
        from genbound.lm.ladder import models

        name = source.removeprefix(LADDER)
        return "ladder", source, str(models.path(name)), None
    if source.startswith(PRIOR):
        from genbound.lm import priors

        return "ladder", source, str(priors.path(source.removeprefix(PRIOR))), None
    path = Path(source).expanduser()
    if path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelError(f"{path.name}: a file that is not .gguf: pass the folder that holds config.json")
        return "gguf", path.name, str(path.parent), path.name
    if path.is_dir():
        shown = path.resolve().name
        if gguf_file is None:
            return "folder", shown, str(path), None
        if not (path / gguf_file).is_file():
            raise ModelError(f"{shown}: holds no file {gguf_file!r}")
        return "gguf", Path(gguf_file).name, str(path), gguf_file
    if not source or path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1:
        raise ModelError(f"{source!r}: no such folder or .gguf file")
    return ("hub" if gguf_file is None else "gguf"), source, source, gguf_file


def refuse_folder(folder: Path, name: str) -> None:
    """Refuse what transformers would not load, or would load otherwise than promised."""
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{name}: an adapter, not a model: merge it into its base model and save that")
    if not (folder / "config.json").is_file():
        ggufs = sorted(path.name for path in folder.glob("*.gguf"))
        hint = f": pass gguf_file={ggufs[0]!r}" if ggufs else ""
        raise ModelError(f"{name}: no config.json in the folder{hint}")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelError(
            f"{name}: only pickled weights ({pickles[0]}), which can run code when read:"
            " if you trust them, convert: AutoModelForCausalLM.from_pretrained(FOLDER, use_safetensors=False)"
            ".save_pretrained(NEW_FOLDER)"
        )
    raise ModelError(f"{name}: no weights (*.safetensors) in the folder")


def is_ladder_folder(folder: Path) -> bool:
    """Whether a folder holds a model of the ladder's own training, and of the size of the fixed alphabet."""
    if not (folder / "training.json").is_file() or (folder / "tokenizer.json").is_file():
        return False
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("vocab_size") == V
