"""Rates of a product that nobody has measured: guesses, and they say so."""

from __future__ import annotations

import numpy as np

from swath.mapping.cost import Rates
from swath.mapping.plan import Plan
from swath.planning.rates import RATES, ProductRates, Rate, machine_kind
from swath.planning.spread import Spread

_ENCODE = 30e6  # pixels a second of a core, a layer: zlib of 16 bit layers with overviews
_NETWORK = 0.4e6  # pixels a second of a core: a U-Net of 1.9 million parameters (DESIGN.md: 0.34 to 0.47 Mpx/s)
_GPU = 20e6  # pixels a second of a GPU: not measured on any
_PACKED = 0.6  # bytes left of a byte after deflate
_WIDE = 2.5  # of a guess: it may be as many times less or more


def assumed_rates(plan: Plan) -> dict[str, Rate]:
    """A rate for each name of `RATES`."""
    rates = Rates(**plan.facts["rates"])
    width = sum(np.dtype(layer.dtype).itemsize for layer in plan.layers)
    with_model, on_gpu = plan.product.model is not None, "cuda" in plan.facts["backend"]
    network = 1 / _NETWORK if with_model and not on_gpu else 0.0
    reads = [len(spec.bands) + len({rule.band for rule in spec.masks} - set(spec.bands)) for spec in plan.specs if spec]
    values = {
        "bytes_a_sample": (rates.bytes_a_sample, rates.source),
        "cpu_a_sample": (1 / rates.samples_a_second, rates.source),
        "cpu_a_pixel": (len(plan.layers) / _ENCODE + network, "assumed: encoding, and a network of 2 million weights"),
        "gpu_a_pixel": (1 / _GPU if on_gpu else 0.0, "assumed: never measured" if on_gpu else "known: no GPU is used"),
        "bytes_a_pixel": (width * _PACKED, "assumed: deflate leaves 0.6 of a layer"),
        "files_a_scene": (float(max(reads)), "known: a file a band that the product reads"),
        "gets_a_file": (4.0, "assumed: a header, and neighbouring blocks together"),
        "busy": (0.8, "assumed: cores wait for the archive a fifth of the time"),
    }
    made = {}
    for name, (value, why) in values.items():
        high = min(1.0, value * _WIDE) if name == "busy" else value * _WIDE
        known = name == "files_a_scene" or value == 0
        spread = Spread.exact(value) if known else Spread(value / _WIDE, value, high)
        made[name] = Rate.of(spread, "assumed", why)
    return made


def rates_of(plan: Plan, measured: ProductRates | None) -> dict[str, Rate]:
    """The measured rates where there are some, the others assumed; each says which.

    Seconds that another kind of machine took are kept, and their source says that they are another machine's.
    """
    made = assumed_rates(plan)
    for name, rate in (measured.rates if measured is not None else {}).items():
        if name in RATES:
            made[name] = rate
    if measured is not None and measured.machine != machine_kind():
        for name in ("cpu_a_sample", "cpu_a_pixel", "gpu_a_pixel", "busy"):
            rate = made[name]
            if rate.basis == "measured":
                made[name] = rate.model_copy(update={"source": f"{rate.source}; this machine is {machine_kind()}"})
    return made
