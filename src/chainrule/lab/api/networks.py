"""The networks that the lab shows, under the ids that links use."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import DIGITS, names_of
from chainrule.data import CLASSES, Digits
from chainrule.explain.surgery import AS_IT_IS, Changes, operate
from chainrule.lab.wire import Answer
from chainrule.model import bundled, load_bundled
from chainrule.network import Network
from chainrule.runs.called import called
from chainrule.runs.digits import checksum
from chainrule.runs.names import run_id
from chainrule.runs.run import Run
from chainrule.runs.settings import ENTRIES, Settings

RENAMED = {"seed": "small", "stronger": "large"}  # the names of the networks in older links


@dataclass(frozen=True, eq=False)
class GivenSet:
    """Digits that were given to the lab as it was started, under the name that a page has.

    There are none to train on if all are to test on.
    """

    name: str
    train: Digits | None
    test: Digits

    @cached_property
    def sha256(self) -> str:
        """The checksum of those to test on."""
        return checksum(self.test)


@dataclass(frozen=True, eq=False)
class NamedNetwork:
    """A network under the id that links use, with the settings it was trained with, if known."""

    id: str
    name: str
    network: Network
    settings: dict[str, Any] | None = None
    step: int | None = None  # of a run
    run: Run | None = None
    changes: Changes = AS_IT_IS
    before: Network | None = None  # the changes
    on: GivenSet | None = None  # what it is measured on; None: the run's own digits, or MNIST
    names: tuple[str, ...] | None = None  # of its classes, where neither run nor digits say them

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of what it tells apart, in the order of its outputs."""
        if self.on is not None:
            return self.on.test.names
        known = self.run.classes if self.run else DIGITS
        return self.names or names_of(self.network.sizes[-1], known)

    @property
    def reads_digits(self) -> bool:
        """Whether its classes are the ten digits."""
        return self.classes == DIGITS

    @property
    def digits(self) -> str | None:
        """What a page calls the digits that it is measured on; None: they are not known."""
        if self.on is not None:
            return self.on.name
        if self.run is not None:
            return digits_of_run(self.run)
        return "MNIST" if len(self.classes) == CLASSES else None

    @property
    def key(self) -> tuple[str, int | None, Changes]:
        """What decides every number of it: what is kept of a network is kept under this."""
        return self.id, self.step, self.changes

    @property
    def size(self) -> int:
        """The bytes it has, also in float64."""
        return 12 * self.network.parameters.size

    @property
    def own_digits(self) -> str | None:
        """The SHA-256 of its own test digits; None if it is measured on MNIST."""
        run = self.run
        if self.on is not None:
            return self.on.sha256
        return run.data["test"] if run and run.data and run.settings.data is not None else None

    @cached_property
    def exact(self) -> Network:
        """The same in float64, as the ledger has it."""
        return replace(self.network, parameters=self.network.parameters.astype(np.float64))


def shipped() -> tuple[NamedNetwork, ...]:
    """The two trained networks of the package."""
    return tuple(NamedNetwork(id, f"{id} network", load_bundled(id)) for id in bundled())


def named_model(
    network: Network, *, on: GivenSet | None = None, names: tuple[str, ...] | None = None
) -> NamedNetwork:
    """A network under the first digits of the SHA-256 of its parameters."""
    first = sha256(network.parameters.tobytes()).hexdigest()[:8]
    return NamedNetwork(f"model-{first}", f"model {first}", network, on=on, names=names)


def named_run(run: Run, network: Network, step: int) -> NamedNetwork:
    """The network of a run after a step, under the run's id."""
    return NamedNetwork(run_id(run), called(run), network, asked_for(run), step, run)


def changed(named: NamedNetwork, changes: Changes) -> NamedNetwork:
    """The same after surgery; CellError if it has no such unit or parameter."""
    after = operate(named.network, changes)
    return replace(named, network=after, changes=changes, before=named.network)


def asked_for(run: Run) -> Answer:
    """The settings of a run, as an order to start one has them."""
    told = run.settings.as_json()
    settings = {name: told[name] for name, entry in ENTRIES.items() if not entry.of_digits}
    # A page is never told where other digits lie.
    return settings | {
        "more": later_settings(run),
        "data": "mnist" if told["data"] is None else "other digits",
    }


def later_settings(run: Run) -> list[tuple[str, object]]:
    """The settings that the first format did not have, by label, if they are not the default."""
    usual = Settings()
    return [
        (entry.label, getattr(run.settings, name))
        for name, entry in ENTRIES.items()
        if entry.since > 1
        and not entry.of_digits
        and getattr(run.settings, name) != getattr(usual, name)
    ]


def digits_of_run(run: Run) -> str:
    """What a page calls the digits of a run: the name of their folder, never its whole path."""
    return "MNIST" if run.settings.data is None else Path(run.settings.data).name
