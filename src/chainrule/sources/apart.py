"""Training images of which a share is set apart, to validate on while a network learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chainrule.data import PARTS, Digits, Origin, Part, found
from chainrule.idx import DataError
from chainrule.sources.parts import MOST_IMAGES, drawn_of

APART = 0xA9A27  # beside the seed: what is drawn depends on nothing else that is


@dataclass(frozen=True)
class SetApart:
    """Loaded digits as a source of two parts: those that are left, and those set apart."""

    origin: Origin
    share: float
    seed: int

    @property
    def path(self) -> Path | None:
        """Where all of them lie; None for the bundled MNIST."""
        return self.origin.source.path

    @property
    def test_share(self) -> float | None:
        """The share of the source they are from that was drawn to test on."""
        return self.origin.source.test_share

    def name_of(self, part: Part) -> str:
        """What messages and results call a part."""
        share = 100 * (self.share if part == PARTS[1] else 1 - self.share)
        return f"{self.origin.name} ({share:g} % of its training part, drawn with seed {self.seed})"

    def load(self, part: Part) -> Digits:
        """One of the two parts."""
        return set_apart(found(self.origin), self.share, seed=self.seed)[PARTS.index(part)]


def set_apart(digits: Digits, share: float, *, seed: int = 0) -> tuple[Digits, Digits]:
    """Those of the digits that are left to train on, and a share of them to validate on.

    `share` is above 0 and below 1; which digits it is, at least one of them and not all, is drawn
    from the seed. Both keep their order. They are copies in memory: DataError for fewer than 2 or
    more than 2,000,000 of them, and for a share or a seed that cannot be.
    """
    m = len(digits)
    if not 0 < share < 1:
        raise DataError(f"the share set apart must be above 0 and below 1, got {share!r:.40}")
    if seed < 0:
        raise DataError(f"the seed must be a whole number from 0, got {seed!r:.40}")
    if not 2 <= m <= MOST_IMAGES:
        raise DataError(
            f"{digits.name}: a share is set apart from 2 to {MOST_IMAGES:,} images, it has {m:,}"
        )
    apart = drawn_of(m, share, (seed, APART))
    digits.check_file()
    parts = []
    for part, chosen in zip(PARTS, (~apart, apart), strict=True):
        images, labels = digits.images[chosen], digits.labels[chosen]
        origin = None
        if digits.origin is not None:
            origin = Origin(SetApart(digits.origin, share, seed), part, 0, len(labels))
        for array in (images, labels):
            array.setflags(write=False)
        parts.append(Digits(images, labels, origin, digits.names))
    return parts[0], parts[1]
