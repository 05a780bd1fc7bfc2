"""Physical values for each pixel, with what is not known of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import Features, Head, number, whole
from swath.models.heads._forms import LOG_SCALE, Form
from swath.models.layers import Up, up_reaches


class Regression(Head):
    """The expanding path of a U-Net with skips, then a 1 x 1 convolution.

    A value has one score or several by `form`: `point` is one number; `gaussian` and `laplace` are mean and log of the
    scale (standard deviation; mean deviation); `quantiles` are one a level, which rise by construction. What a map gets
    of each value is said by `gives`, and follows from the scores in the model's graph: `mean,sd,q05,q95` are four
    outputs of the model. Scores of several values follow each other, as do their outputs.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Not used.
        outputs: Channels that the model gives: values times what is given of each.
        depth: Convolutions a level.
        form: `point`, `gaussian`, `laplace` or `quantiles`.
        gives: What is given of a value, joined by commas: `mean`, `median`, `sd`, `q05`, `q95`, …
        levels: Of the quantiles, rising, joined by commas; other forms make no use of them.
        log: Scores are logs of value + shift. The model's outputs are then values in their unit, not to be scaled.
        shift: In the unit of the value; above 0 where it may be 0.
        correction: What the mean of value + shift is multiplied by on the way back from its log (Duan 1983, Baskerville
            1972). A `gaussian` has the factor of a log-normal anyway.
        start: Score with which a fresh network begins: about the mean of the labels, where these are not centred.
    """

    task = "regression"
    kind = "values"
    metrics = ("rmse", "bias", "r2")

    def __init__(
        self,
        channels: Sequence[int],
        vector_size: int,
        outputs: int,
        *,
        depth: int = 2,
        form: str = "point",
        gives: str = "mean",
        levels: str = "0.05,0.25,0.5,0.75,0.95",
        log: bool = False,
        shift: float = 1.0,
        correction: float = 1.0,
        start: float = 0.0,
    ) -> None:
        super().__init__(channels, vector_size, outputs)
        depth = whole("depth", depth, low=1, high=8)
        self.form = Form.of(form, gives, levels, log=log, shift=shift, correction=correction)
        each = len(self.form.gives)
        if outputs % each:
            raise ModelError(
                f"The model gives {outputs} outputs, and the head gives {', '.join(self.form.gives)} of each value.",
                fix=f"Name {each} outputs a value in this order, or set gives to what the outputs are.",
                setting="gives",
            )
        self.values = outputs // each
        self.up = Up(channels, depth=depth)
        self.value = nn.Conv2d(channels[0], self.values * self.form.scores, 1)
        first = number("start", start, low=-1e9, high=1e9)
        if first:
            with torch.no_grad():
                middle = self.form.scores // 2 if self.form.name == "quantiles" else 0
                self.value.bias.view(self.values, -1)[:, middle] += first  # type: ignore[union-attr]
        self.reaches = up_reaches(len(channels), depth=depth)

    def forward(self, features: Features) -> Tensor:
        """(N, values x scores of a value, H, W), in numbers of the network, or logs."""
        raw: Tensor = self.value(self.up(features.pyramid))
        if self.form.name != "quantiles":
            return raw
        return torch.cat([self.form.ordered(part) for part in torch.split(raw, self.form.scores, 1)], dim=1)

    def close(self, scores: Tensor) -> Tensor:
        """See `Head`."""
        if self.form.gives == ("mean",) and not self.form.log and self.form.scores == 1:
            return scores
        return torch.cat([self.form.close(part) for part in torch.split(scores, self.form.scores, 1)], dim=1)

    def pooled(self, scores: Sequence[Tensor]) -> Tensor:
        """See `Head`; see `Form.pooled`."""
        parts = zip(*(torch.split(each, self.form.scores, 1) for each in scores), strict=True)
        return torch.cat([self.form.pooled(part) for part in parts], dim=1)

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Mean over labelled pixels: Huber's loss with a threshold of 1 for `point`, else by the form.

        `gaussian` and `laplace` have minus the logarithm of the likelihood, without constants; `quantiles` the pinball
        loss, mean over levels.

        Args:
            scores: What `forward` gave.
            target: (N, values, H, W) float32 numbers of the network, the values themselves with `log`; NaN where there
                is no label.
            weights: (values,), of each value.
        """
        if self.form.log:
            target = torch.log(target + self.form.shift)
        labelled = torch.isfinite(target)
        parts = torch.unflatten(scores, 1, (self.values, self.form.scores))
        # a NaN times a mask of 0 is NaN still: it is replaced before the loss
        wanted = torch.where(labelled, target, parts[:, :, 0].detach())
        each = self._each(parts, wanted) * labelled
        share = labelled.to(each.dtype)
        if weights is not None:
            each, share = each * weights.view(1, -1, 1, 1), share * weights.view(1, -1, 1, 1)
        return each.sum() / share.sum().clamp(min=1e-12)

    def _each(self, parts: Tensor, wanted: Tensor) -> Tensor:
        """Loss of each pixel, (N, values, H, W), from scores (N, values, scores, H, W)."""
        first = parts[:, :, 0]
        if self.form.name == "point":
            return functional.huber_loss(first, wanted, reduction="none")
        if self.form.name == "quantiles":
            levels = torch.tensor(self.form.levels, dtype=parts.dtype, device=parts.device).view(1, 1, -1, 1, 1)
            above = wanted.unsqueeze(2) - parts
            return torch.maximum(levels * above, (levels - 1) * above).mean(dim=2)
        size = parts[:, :, 1].clamp(*LOG_SCALE)
        off = (wanted - first) * torch.exp(-size)
        return size + (0.5 * off**2 if self.form.name == "gaussian" else off.abs())
