"""The four networks of the paper's table 3, in their middle size, and their decoders.

Example:
    >>> import torch
    >>> from harness_plugins.codec_transform.networks import Decoder, conv_hyperprior
    >>> with torch.device("meta"):
    ...     decoder = Decoder(conv_hyperprior())
    ...     symbols, z_hat = torch.empty(1, 320, 32, 48), torch.empty(1, 192, 8, 12)
    ...     image = decoder(symbols, z_hat)
    >>> image.shape
    torch.Size([1, 3, 512, 768])
"""

from __future__ import annotations

from harness_plugins.codec_transform.networks.compression import (
    Coded,
    CompressionNetwork,
    Decoder,
    Latents,
    conv_charm,
    conv_hyperprior,
    swint_charm,
    swint_hyperprior,
)

__all__ = [
    "Coded",
    "CompressionNetwork",
    "Decoder",
    "Latents",
    "conv_charm",
    "conv_hyperprior",
    "swint_charm",
    "swint_hyperprior",
]
