"""Transform-coding networks of Zhu et al., Transformer-based transform coding, ICLR 2022.

The four networks as torch modules (``harness_plugins.codec_transform.networks``): convolutional
or Swin-transformer transforms, with a hyperprior alone or with a channel-wise autoregressive
context model. They carry no weights and declare no model.
"""

from __future__ import annotations

__all__: list[str] = []
