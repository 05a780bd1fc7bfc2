"""What a split holds out, how far that lies away, and by how much a random one would flatter."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from swath.training.chipset import HeldOut
from swath.training.flattery import NEIGHBOURS, Flattery, flattery
from swath.training.source import Part
from swath.training.splits import SplitSpec


@dataclass(frozen=True)
class SplitReport:
    """A split with a choice of what is held out.

    Attributes:
        split: How labels are split.
        test: Fold that is held out, None for none.
        validate: Fold that stops training, None for none.
        chips: Chips with labels by part.
        labelled: Labelled pixels by part, then by class (or the value).
        unused: Labelled pixels that serve for nothing: within the buffer, or of a track or block that is held out.
        blocks: In how many blocks the labelled pixels of each part lie.
        smallest_distance_m: Between a training and a test pixel; None where there are none, or folds are years.
        flattery: Of a random split; None where it was not asked for or there are too few pixels.
    """

    split: SplitSpec
    test: int | None
    validate: int | None
    chips: dict[str, int]
    labelled: dict[str, dict[str, int]]
    unused: int
    blocks: dict[str, int]
    smallest_distance_m: float | None
    flattery: Flattery | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = asdict(self)
        return {
            **told,
            "split": self.split.model_dump(mode="json"),
            "flattery": None if self.flattery is None else self.flattery.to_dict(),
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """As sentences."""
        out = [f"Split {_how(self.split)}; held out: test {_fold(self.test)}, validation {_fold(self.validate)}."]
        for part, counts in self.labelled.items():
            if not self.chips[part]:
                continue
            shown = ", ".join(f"{number} {name}" for name, number in counts.items())
            out.append(f"{part}: {self.chips[part]} chips in {self.blocks[part]} blocks, labelled pixels: {shown}.")
        if self.unused:
            out.append(
                f"{self.unused} labelled pixels serve for nothing: too near to what is held out, or of its track."
            )
        if self.split.by == "year":
            out.append("Training and test are of other years at the same places.")
        elif self.smallest_distance_m is not None:
            out.append(f"The nearest training and test pixel lie {self.smallest_distance_m:.0f} m apart.")
        if self.split.matching is not None:
            out.append(self.split.matching.text)
        out += self._flattered()
        return out

    def _flattered(self) -> list[str]:
        found = self.flattery
        if found is None:
            return []
        peer = f"{NEIGHBOURS} nearest neighbours reach {found.measure} {found.apart:.2f}"
        if self.split.by == "random":
            return [
                f"THIS SPLIT IS RANDOM ({self.split.reason}): {peer} over blocks and {found.random:.2f} at random, "
                f"which flatters by {found.by:+.2f}."
            ]
        return [f"{peer}; a random split would give {found.random:.2f} and flatter by {found.by:+.2f}."]


def _fold(fold: int | None) -> str:
    return "none" if fold is None else f"fold {fold}"


def _how(split: SplitSpec) -> str:
    told = {
        "block": f"by blocks of {split.block_m:g} m",
        "year": "by years of the images",
        "group": "by groups of labels",
        "region": f"by {len(split.regions)} regions and the rest",
        "knndm": "matched to the distances of the map",
        "random": "at random",
    }[split.by]
    buffer = f", buffer {split.buffer_m:g} m" if split.is_spatial else ""
    return f"{told} into {split.number} folds (seed {split.seed}){buffer}"


def split_report(held: HeldOut, *, with_flattery: bool = True, seed: int = 0) -> SplitReport:
    """Report on the split of some chips.

    Args:
        held: Chips with a choice of what is held out.
        with_flattery: Say what a random split would give too: reads up to 512 chips.
        seed: Draws the pixels of that.
    """
    names, split = held.facts.output.channels, held.chips.split
    counts = {part.name.lower(): held.counts(part) for part in Part}
    return SplitReport(
        split, held.test, held.validate,
        chips={part: int((of.sum(axis=1) > 0).sum()) for part, of in counts.items()},
        labelled={part: dict(zip(names, of.sum(axis=0).tolist(), strict=True)) for part, of in counts.items()},
        unused=held.within_buffer,
        blocks={part.name.lower(): number for part, number in held.blocks().items()},
        smallest_distance_m=None if split.by == "year" else held.smallest_distance(),
        flattery=flattery(held, seed=seed) if with_flattery and held.test is not None else None,
    )  # fmt: skip
