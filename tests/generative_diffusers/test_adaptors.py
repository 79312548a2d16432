"""Learned adaptors of Clockwork: made by their seed, and of use on trajectories not yet seen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness_plugins.generative.interface import Diverged
from harness_plugins.generative.shapes import COLOURS, SHAPES
from harness_plugins.generative_diffusers import adaptors
from harness_plugins.generative_diffusers.clockwork import HighResolution

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PROMPTS = ["red circle", "blue plus", "green square"]


@pytest.fixture
def few(monkeypatch):
    """Train with few steps."""
    monkeypatch.setattr(adaptors, "_STEPS", 4)


class Recorder(nn.Module):
    """A UNet in its own place, which keeps what passes the seam and what goes into it."""

    def __init__(self, unet, cut):
        super().__init__()
        self.unet, self.steps = unet, []
        outer, seam = unet.down_blocks[cut - 1], HighResolution(unet, cut=cut).seam
        self.handles = [
            outer.register_forward_hook(self._outer, with_kwargs=True),
            seam.register_forward_pre_hook(self._seam),
        ]

    def _outer(self, _module, _args, named, out):
        self.now = {"r_in": out[1][-1].detach(), "time": named["temb"].detach()}

    def _seam(self, _module, args):
        self.steps.append(self.now | {"r_out": args[0].detach()})

    def forward(self, *given, **conditions):
        return self.unet(*given, **conditions)


def recorded(model, prompts, seeds, cut=1):
    """Return the steps of a trajectory and the text of its batch."""
    unet = Recorder(model.unet, cut)
    point = {"steps": 20, "guidance": 1.0, "scheduler": "dpm++"}
    model.sample(unet, prompts, seeds, point)
    for handle in unet.handles:
        handle.remove()
    return unet.steps, model.pooled(prompts, point)


@pytest.mark.parametrize("cut", [1, 2])
def test_an_adaptor_follows_from_its_seed_and_fits_its_place(model, few, cut):
    first = adaptors.learn(model, PROMPTS, 0, 80, cut)
    assert adaptors.learn(model, PROMPTS, 0, 80, cut) == first
    assert adaptors.learn(model, PROMPTS, 1, 80, cut) != first
    adaptor = adaptors.load(first)
    steps, text = recorded(model, PROMPTS, [1, 2, 3], cut)
    before, now = steps[:2]
    with torch.no_grad():
        found = adaptor(now["r_in"], before["r_out"], now["time"], text)
    assert found.shape == now["r_out"].shape
    assert not any(p.requires_grad for p in adaptor.parameters())


def test_learning_leaves_model_and_global_numbers_alone(model, few):
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    adaptors.learn(model, PROMPTS, 0, 80, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert all(torch.equal(before[n], v) for n, v in model.net.state_dict().items())
    assert not model.unet._forward_hooks


def test_features_that_are_no_numbers_diverge(model, few, monkeypatch):
    monkeypatch.setattr(adaptors, "_RATE", float("inf"))
    monkeypatch.setattr(adaptors, "_STEPS", 20)
    with pytest.raises(Diverged, match="the loss of the adaptor is"):
        adaptors.learn(model, PROMPTS, 0, 80, 1)


@pytest.mark.long
def test_a_learned_adaptor_is_nearer_than_the_step_before_on_trajectories_it_has_not_seen(
    trained, declared
):
    """Mean squared error of the features at the seam, at the steps between full passes."""
    prompts = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    adaptor = adaptors.load(adaptors.learn(trained, prompts, 0, declared["budget"], 1))
    steps, text = recorded(trained, prompts, range(90_000, 90_016))
    ours = theirs = 0.0
    with torch.no_grad():
        for before, now in zip(steps[::2], steps[1::2], strict=True):  # a clock of two
            found = adaptor(now["r_in"], before["r_out"], now["time"], text)
            ours += float((found - now["r_out"]).square().mean())
            theirs += float((before["r_out"] - now["r_out"]).square().mean())
    assert ours < 0.5 * theirs
