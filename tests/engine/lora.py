"""Small LoRA adapters for SmolLM2-135M, made of seeded noise: enough to see that an adapter is at work, and which."""

from pathlib import Path

import gguf
import numpy as np

WIDTH, RANK = 576, 2
"""The model's own width (30 layers, queries as wide as that), and the adapter's rank."""


def write_lora(path: Path, seed: int, strength: float = 1.0, blocks: tuple[int, ...] = (0, 1, 29)) -> Path:
    """Write an adapter over the queries of ``blocks`` to ``path``; the same arguments give the same bytes.

    A weight W becomes W + (alpha / rank) B A, A of shape (rank, WIDTH) and B of (WIDTH, rank); with alpha = rank the
    product counts as it is. Its entries are of the size ``strength`` / sqrt(WIDTH), that of weights themselves at 1.
    """
    noise = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(RANK))
    for block in blocks:
        down = noise.standard_normal((RANK, WIDTH), dtype=np.float32) / np.sqrt(WIDTH, dtype=np.float32)
        up = noise.standard_normal((WIDTH, RANK), dtype=np.float32) * np.float32(strength)
        writer.add_tensor(f"blk.{block}.attn_q.weight.lora_a", down)
        writer.add_tensor(f"blk.{block}.attn_q.weight.lora_b", up)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
