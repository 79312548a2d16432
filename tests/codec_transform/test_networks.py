"""The four networks against the figures published with them.

Zhu et al., Transformer-based transform coding, ICLR 2022, and the table of decoders at 768x512
that was made with DeepSpeed 0.5.10: parameters in M, GMACs of the decoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.cost import activations, count, weights
from harness_plugins.codec_transform import networks
from harness_plugins.codec_transform.networks.swin import SwinBlock, swin_analysis

# network: parameters in M published and counted, published GMACs, what DeepSpeed's own profiler
# gave for these modules on the CPU, dense MACs
TABLE = {
    "conv_hyperprior": (21.4, 21_385_155, 350, 349_586_718_720, 100_287_774_720),
    "conv_charm": (29.3, 29_277_391, 362, 361_701_740_544, 112_402_796_544),
    "swint_hyperprior": (24.7, 24_666_448, 99, 98_536_783_872, 104_312_143_872),
    "swint_charm": (32.6, 32_558_684, 111, 110_651_805_696, 116_427_165_696),
}
DECODED = [(1, 320, 32, 48), (1, 192, 8, 12)]
every_network = pytest.mark.parametrize("name", TABLE)


def on_meta(name: str) -> networks.CompressionNetwork:
    with torch.device("meta"):
        return getattr(networks, name)()


@every_network
def test_published_parameters_and_macs(name: str) -> None:
    millions, parameters, published, billed, dense = TABLE[name]
    network = on_meta(name)
    found = weights(network)
    assert found.parameters == parameters
    assert round(parameters / 1e6, 1) == millions
    assert found.parameter_bytes == {"float32": 4 * parameters}
    decoder = networks.Decoder(network)
    theirs = count(decoder, DECODED, convention="deepspeed-0.5.10")
    assert theirs.macs == billed
    assert round(billed / 1e9) == published
    true = count(decoder, DECODED)
    assert true.macs == dense
    assert true.without_formula == {}
    missed = {"Tensor.__matmul__"} if name.startswith("swint") else set()
    assert set(theirs.without_formula) == missed


def test_where_the_published_figures_come_from() -> None:
    # The last layer, 320 to 3 channels at 256x384, billed as if it had 320 outputs.
    slip = 256 * 384 * 320 * 25 * (320 - 3)
    conv, swint = (on_meta(f"{kind}_hyperprior") for kind in ("conv", "swint"))
    both = [
        [count(networks.Decoder(n), DECODED, convention=c) for c in ("deepspeed-0.5.10", "dense")]
        for n in (conv, swint)
    ]
    # and those of the hyperprior, 192 to 192, which have as many outputs as inputs
    assert both[0][0].macs - both[0][1].macs == slip
    # Both products of attention inside a window of p positions take p MACs per value each.
    attention = sum(
        2 * depth * positions * channels * window**2
        for depth, positions, channels, window in [
            (2, 32 * 48, 320, 8),
            (6, 64 * 96, 256, 8),
            (2, 128 * 192, 192, 8),
            (2, 256 * 384, 128, 8),
            (1, 8 * 12, 192, 4),
            (5, 16 * 24, 192, 4),
        ]
    )
    assert both[1][1].macs - both[1][0].macs == attention == both[1][1].by_kind["matmul"]


def test_the_encoder_and_other_sizes() -> None:
    conv, swint = on_meta("conv_charm"), on_meta("swint_charm")
    for network, gmac in ((conv, 99.4), (swint, 104.2)):
        cost = sum(
            count(part, [shape]).macs
            for part, shape in ((network.g_a, (1, 3, 512, 768)), (network.h_a, (1, 320, 32, 48)))
        )
        assert cost / 1e9 == pytest.approx(gmac, abs=0.06)
    square = [(1, 320, 48, 48), (1, 192, 12, 12)]
    for network in (conv, swint):
        decoder = networks.Decoder(network)
        ratio = count(decoder, square).macs / count(decoder, DECODED).macs
        assert ratio == pytest.approx(1.5, abs=1e-3)


def test_peak_activations_of_the_decoders() -> None:
    # Three maps of 320 channels at half the size of the image meet in the last normalisation.
    conv = networks.Decoder(on_meta("conv_hyperprior"))
    found = activations(conv, DECODED)
    assert found.peak_module == "g_s.5"
    assert found.peak_bytes == pytest.approx(4 * 320 * 256 * 384 * 4, rel=0.02)
    swint = networks.Decoder(on_meta("swint_hyperprior"))
    assert activations(swint, DECODED).peak_bytes > found.peak_bytes


@every_network
def test_a_network_codes_an_image(name: str) -> None:
    torch.manual_seed(0)
    network = getattr(networks, name)().eval()
    x = torch.rand(1, 3, 128, 64)
    with torch.no_grad():
        coded = network(x)
        latents = network.quantise(x)
        means, _ = network.h_s(latents.z_hat).chunk(2, 1)
        if network.context is None:
            symbols = latents.y_hat - means
        else:
            symbols = latents.y_hat - latents.means
        x_hat = networks.Decoder(network)(symbols, latents.z_hat)
    assert coded.x_hat.shape == x.shape
    assert coded.y_likelihoods.shape == (1, 320, 8, 4)
    assert coded.z_likelihoods.shape == (1, 192, 2, 1)
    torch.testing.assert_close(symbols, symbols.round(), atol=1e-4, rtol=0)
    torch.testing.assert_close(x_hat, coded.x_hat)
    for likelihoods in coded[1:]:
        assert float(likelihoods.min()) > 0
        assert float(likelihoods.max()) <= 1


@every_network
def test_all_weights_learn(name: str) -> None:
    torch.manual_seed(0)
    network: Any = getattr(networks, name)()
    coded = network(torch.rand(1, 3, 64, 64))
    # Rounding has no gradient: g_a and h_a learn by what is added to it while training.
    loss = coded.x_hat.square().mean() - sum(p.log().mean() for p in coded[1:])
    loss.backward()
    blind = ("g_a.", "h_a.", "h_s.", "context.", "prior.quantiles")
    for key, parameter in network.named_parameters():
        if not key.startswith(blind):
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all()


def test_likelihoods_of_all_integers_sum_to_one() -> None:
    from harness_plugins.codec_transform.networks.priors import (
        FactorizedPrior,
        gaussian_likelihood,
    )

    torch.manual_seed(0)
    prior = FactorizedPrior(4)
    integers = torch.arange(-3000.0, 3001.0)
    with torch.no_grad():
        found = prior(integers.expand(1, 4, -1)[:, :, None])
    torch.testing.assert_close(found.sum(-1), torch.ones(1, 4, 1), atol=1e-3, rtol=0)
    values = gaussian_likelihood(integers, torch.tensor(0.3), torch.tensor(5.0))
    torch.testing.assert_close(values.sum(), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_normalisation_and_its_inverse() -> None:
    from harness_plugins.codec_transform.networks.convolutional import GDN

    x = torch.randn(2, 3, 4, 5)
    layer, inverse = GDN(3), GDN(3, inverse=True)
    with torch.no_grad():
        norm = torch.sqrt(1 + 0.1 * x**2)
        torch.testing.assert_close(layer(x), x / norm, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(inverse(x), x * norm, atol=1e-4, rtol=1e-4)


# --- windows ------------------------------------------------------------------------------


def reference_attention(block: SwinBlock, x: torch.Tensor) -> torch.Tensor:
    """Return what a shifted block adds by attention: each position against all others.

    Two positions see each other where they lie in one window of the grid that begins ``shift``
    before the origin, whatever wraps around.
    """
    layer, size, shift = block.attention, block.window, block.shift
    _, rows, columns, channels = x.shape
    y, x_at = (
        one.flatten()
        for one in torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    )
    flat = block.norm1(x).view(-1, channels)
    q, k, v = layer.qkv(flat).view(-1, 3, layer.heads, 32).permute(1, 2, 0, 3)
    shifts = [shift if n > size else 0 for n in (rows, columns)]
    groups = [(at - s) // size for at, s in zip((y, x_at), shifts, strict=True)]
    same = torch.ones(len(y), len(y), dtype=torch.bool)
    for group in groups:
        same &= group[:, None] == group[None]
    dy, dx = (one[:, None] - one[None] + size - 1 for one in (y, x_at))
    wide = 2 * size - 1
    place = (dy.clamp(0, wide - 1) * wide + dx.clamp(0, wide - 1)).long()
    scores = q @ k.mT * 32**-0.5 + layer.bias[place].permute(2, 0, 1)
    out = scores.masked_fill(~same, -torch.inf).softmax(-1) @ v
    return layer.proj(out.transpose(0, 1).reshape(-1, channels)).view(x.shape)


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("size", [(8, 12), (4, 8), (4, 4)])
def test_shifted_windows_are_attention_with_a_mask(shift: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    block = SwinBlock(64, 4, shift).eval()
    torch.nn.init.normal_(block.attention.bias)
    x = torch.randn(1, *size, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            block._attend(block.norm1(x)), reference_attention(block, x), atol=1e-5, rtol=1e-5
        )


def test_a_picture_smaller_than_a_window_and_one_that_is_no_multiple() -> None:
    torch.manual_seed(0)
    network = swin_analysis(3, (32, 64), (2, 2), 8).eval()
    for height, width in ((4, 12), (32, 20), (36, 64)):
        with torch.no_grad():
            out = network(torch.rand(2, 3, height, width))
        assert out.shape == (2, 64, height // 4, width // 4)
        assert np.isfinite(out.numpy()).all()
