"""A network: an encoder and a head that fit, and what the place adds; or several such members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from swath.errors import ModelError
from swath.models.closing import Closing, closing_of
from swath.models.encoders import encoder
from swath.models.features import ByPixel, Encoder, Head
from swath.models.heads import head
from swath.models.layers import channels_at
from swath.models.location import Harmonics, location_encoder, places_of
from swath.models.spec import LOCATION, LOCATION_BANDS, InputSpec, Layout, ModelSpec, NetworkSpec


class Network(nn.Module):
    """An encoder and a head, called with exactly the inputs that the spec names.

    Attributes:
        spec: What it takes.
        encoder: Bands to features.
        head: Features to scores.
        location: Adds to the features what the place tells; longitude and latitude are then no bands to the encoder.
        others: Further members, of the same parts, with weights of their own.
    """

    def __init__(self, spec: InputSpec, encoder: Encoder, head: Head, location: Harmonics | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = encoder
        self.head = head
        self.location = location
        self.others = nn.ModuleList()
        self.calibrate: Closing | None = None
        self._place = [] if location is None else places_of(spec)
        self._rest = [place for place in range(len(spec.bands)) if place not in self._place]

    @classmethod
    def build(cls, spec: ModelSpec) -> Network:
        """The network that a spec describes, with fresh weights.

        Raises:
            ModelError: Parts that do not exist, or do not fit each other or the spec.
        """
        if spec.network is None:
            raise ModelError(
                f"Model {spec.name} has no network: it is a graph of its own.",
                fix="Use its model.onnx.",
                model=spec.name,
            )
        network = cls._one(spec, spec.network)
        # after the first: its weights are those that it would have alone
        network.others = nn.ModuleList(cls._one(spec, spec.network) for _ in range(1, spec.network.members))
        network.calibrate = closing_of(spec, network.head)
        _fits(spec, network)
        return network

    @classmethod
    def _one(cls, spec: ModelSpec, made: NetworkSpec) -> Network:
        """A member."""
        seen = spec.input if made.location is None else without_place(spec.input)
        front = encoder(made.encoder.name, seen, **made.encoder.settings)
        outputs = len(spec.output.channels)
        back = head(made.head.name, front.channels, front.vector_size, outputs=outputs, **made.head.settings)
        place = None
        if made.location is not None:
            place = location_encoder(
                made.location.name,
                spec.input,
                front.channels,
                front.vector_size,
                multiple=front.multiple,
                by_pixel=back.reaches is not None,
                **made.location.settings,
            )
        return cls(spec.input, front, back, place)

    @property
    def reach(self) -> int | None:
        """Radius of the receptive field in pixels; None where a score depends on the whole window."""
        if self.encoder.reaches is None or self.head.reaches is None:
            return None
        return max(a + b for a, b in zip(self.encoder.reaches, self.head.reaches, strict=True))

    @property
    def members(self) -> list[Network]:
        """Itself as the first, and the others."""
        return [self, *(one for one in self.others if isinstance(one, Network))]

    @property
    def multiple(self) -> int:
        """Windows and strides are multiples of it."""
        return self.encoder.multiple

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        """Scores without activation, as the loss takes them: before the head's closing formula.

        In training those of several members follow one another as further windows, see `together`.

        Args:
            x: In the layout of the spec, float32, normalised.
            more: Day of year (N, T) and valid pixels (N, T, H, W), as far as the spec names them, in this order.

        Returns:
            (N, K, H, W); (N, K) of a head for whole windows.
        """
        rest = list(more)
        day = rest.pop(0) if self.spec.day_of_year else None
        valid = rest.pop(0) if self.spec.valid else None
        if rest:
            raise TypeError(f"{len(more)} inputs beside the bands, the spec has {len(more) - len(rest)}")
        if self.spec.layout is Layout.NCHW:
            x = x.unsqueeze(1)
        if not self.others:
            return self._scores(x, day, valid)
        if isinstance(self.encoder, ByPixel) and self.location is None:
            return self.of_pixels(self.encoder.fixed(x, valid))
        return self.together([one._scores(x, day, valid) for one in self.members])

    def of_pixels(self, made: Tensor) -> Tensor:
        """Scores of what the fixed part of the encoder, which is `ByPixel`, has made of windows."""
        scores = []
        for one in self.members:
            assert isinstance(one.encoder, ByPixel)
            scores.append(one.head(one.encoder.learned(made)))
        return self.together(scores)

    def together(self, scores: Sequence[Tensor]) -> Tensor:
        """Scores of the members, (N, K, ...) each, as one: pooled by the head.

        In training each member learns by itself: (members * N, K, ...), the first one's windows first.
        """
        if len(scores) == 1:
            return scores[0]
        return torch.cat(list(scores)) if self.training else self.head.pooled(scores)

    def _scores(self, x: Tensor, day: Tensor | None, valid: Tensor | None) -> Tensor:
        """Scores of this member alone."""
        if self.location is None:
            features = self.encoder(x, day, valid)
        else:
            features = self.encoder(channels_at(x, self._rest), day, valid)
            features = self.location(features, torch.cat([x[:, :, place : place + 1] for place in self._place], dim=2))
        scores: Tensor = self.head(features)
        return scores

    def close(self, scores: Tensor) -> Tensor:
        """Scores to the output's channels, as the spec names them: see `Head.close`; calibrated, where the spec is."""
        closed = self.head.close(scores)
        return closed if self.calibrate is None else self.calibrate(closed)

    def finished(self) -> nn.Module:
        """What a package's graph is: takes the same inputs, gives the output's channels.

        The head's closing formula and the calibration are part of it, and what depends on weights alone is computed
        once. Weights are shared; itself, where there is none of it.
        """
        settled = [one.encoder.settled() for one in self.members]
        network = self
        if any(encoder is not one.encoder for encoder, one in zip(settled, self.members, strict=True)):
            members = [
                Network(self.spec, encoder, one.head, one.location)
                for encoder, one in zip(settled, self.members, strict=True)
            ]
            network = members[0]
            network.others = nn.ModuleList(members[1:])
        network.calibrate = self.calibrate
        plain = type(self.head).close is Head.close and self.calibrate is None
        finished = network if plain else _Closed(network)
        return finished.train(self.training)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights.

        Raises:
            ModelError: A tensor is missing, unknown, or of another shape.
        """
        check_shapes(self, {name: tuple(tensor.shape) for name, tensor in weights.items()})
        self.load_state_dict(dict(weights))


class _Closed(nn.Module):
    """A network, then the closing formula of its head."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        return self.network.close(self.network(x, *more))


def without_place(spec: InputSpec) -> InputSpec:
    """What is left to the encoder where the place has one of its own.

    Raises:
        ModelError: The network does not take longitude and latitude, or nothing else.
    """
    if not places_of(spec):
        raise ModelError(
            f"The network has a location encoder, and does not take {' and '.join(LOCATION_BANDS)}.",
            fix=f"Add both as bands of the input {LOCATION}, or leave the location encoder out.",
        )
    bands = tuple(band for band in spec.bands if band.input != LOCATION)
    if not bands:
        raise ModelError(
            f"The network takes {' and '.join(LOCATION_BANDS)}, and no other band.",
            fix="Give it one more at least, or leave the location encoder out.",
        )
    return spec.model_copy(update={"bands": bands})


def check_shapes(network: Network, shapes: Mapping[str, Sequence[int]], *, where: str = "The weights") -> None:
    """Refuse weights that are not those of a network.

    Args:
        network: What they should fit.
        shapes: Shape of each tensor by name.
        where: Subject of the message.

    Raises:
        ModelError: A tensor is missing, unknown, or of another shape. Facts: tensor.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    fix = "Use the weights of this very network: encoder, head, their settings, bands, steps and classes must agree."
    for name, shape in wanted.items():
        if name not in shapes:
            raise ModelError(f"{where} have no tensor {name!r}, which the network needs {shape}.", fix=fix, tensor=name)
        if tuple(shapes[name]) != shape:
            raise ModelError(
                f"{where} hold tensor {name!r} with shape {tuple(shapes[name])}, the network needs {shape}.",
                fix=fix,
                tensor=name,
            )
    extra = next((name for name in shapes if name not in wanted), None)
    if extra is not None:
        raise ModelError(f"{where} hold tensor {extra!r}, which the network does not have.", fix=fix, tensor=extra)


def example_inputs(spec: InputSpec, *, batch: int = 1, seed: int = 0) -> tuple[Tensor, ...]:
    """Random inputs of the spec's shapes: bands, then day of year and valid pixels where it has them.

    Args:
        spec: What a network takes.
        batch: Windows.
        seed: Of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    inputs = [torch.randn(spec.shape(batch), generator=random)]
    if spec.day_of_year:
        inputs.append(1 + 365 * torch.rand((batch, spec.steps), generator=random))
    if spec.valid:
        shape = (batch, spec.steps, spec.window, spec.window)
        inputs.append((torch.rand(shape, generator=random) < 0.8).float())
    return tuple(inputs)


def _fits(spec: ModelSpec, network: Network) -> None:
    given, part = spec.input, network.head
    names = f"encoder {spec.network.encoder.name}, head {spec.network.head.name}" if spec.network else ""
    if given.layout is Layout.NHWC or spec.output.order == "NHWC":
        raise ModelError(
            f"Model {spec.name} has channels last, and Swath's own networks have them first.",
            fix="Set the layout to NCHW (NTCHW for several dates) and the order of the output to NCHW.",
        )
    if part.kind != spec.output.kind or part.task != spec.task:
        raise ModelError(
            f"{names}: the head is for {part.task} and gives {part.kind}; model {spec.name} is for {spec.task} and "
            f"gives {spec.output.kind}.",
            fix="Choose the head that fits.",
        )
    for asked, able, what in (
        (given.day_of_year, network.encoder.takes_day, "day_of_year"),
        (given.valid, network.encoder.takes_valid, "valid"),
    ):
        if asked and not able:
            raise ModelError(
                f"{names}: the encoder makes no use of the input {what}.",
                fix=f"Set {what} to false, or change encoder.",
            )
    for value, what in ((given.window, "window"), (given.stride, "stride")):
        if value % network.multiple:
            raise ModelError(
                f"{names}: the {what} is {value} px, which is no multiple of {network.multiple}.",
                fix=f"Use {max(1, round(value / network.multiple)) * network.multiple} px.",
            )
    if network.reach is None and part.task != "classification" and not given.is_global:
        raise ModelError(
            f"{names}: a pixel's result depends on the whole window.", fix="Set is_global to true in the input."
        )
