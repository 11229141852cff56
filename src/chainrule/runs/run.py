"""What a run is: its settings, its digits, its rates, and which of its steps are kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.arrays import DIGITS
from chainrule.engine.with_numpy import NumpyEngine
from chainrule.network import Array, Network, count_parameters
from chainrule.runs.settings import ENTRIES, Change, Computing, Extension, RunError, Settings
from chainrule.schedule import share_of_rate

RUN = "run.json"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"
TRAJECTORY = "trajectory"
START = "start.safetensors"  # what a run starts from that starts from a model
FORMAT = 7  # of run.json and the checkpoint
# Those that are read; 1 had no changes, 2 no engine, 3 a single one, 4 ten classes, 5 no validation
# and one length, 6 no copies and no schedule.
FORMATS = (1, 2, 3, 4, 5, 6, FORMAT)
MOMENTS = 100  # about so many rows of history in a run; one more for the start
TRAJECTORY_BYTES = 64_000_000


@dataclass(frozen=True)
class Run:
    """A run's folder and what its run.json says.

    `data` holds the SHA-256 of the training and the test digits, and `settings.steps` the length
    that it was begun with, once the digits have been read; `machines` what it was computed on, the
    latest last; `changes` how its learning rate was changed on the way, the steps ascending;
    `engines` who computes it: one, unless it has gone on with another on the way; `classes` what it
    tells apart, known once the digits have been read; `extensions` how it was made longer; `ended`
    the step at which its patience ended it; `start` the SHA-256 of the model it starts from.
    """

    folder: Path
    settings: Settings
    key: int
    started: str
    machines: tuple[dict[str, str], ...]
    data: dict[str, str] | None = None
    changes: tuple[Change, ...] = ()
    engines: tuple[Computing, ...] = (Computing(0, NumpyEngine.name),)
    classes: tuple[str, ...] = DIGITS
    extensions: tuple[Extension, ...] = ()
    ended: int | None = None
    start: str | None = None

    @property
    def engine(self) -> str:
        """The name of who takes its next step."""
        return self.engines[-1].engine

    @property
    def length(self) -> int:
        """Steps in all."""
        return self.legs[-1].steps if self.ended is None else self.ended

    @property
    def legs(self) -> tuple[Extension, ...]:
        """Its length as it was begun, and each that was made longer: from which step, to which."""
        if self.settings.steps is None:
            raise RunError(f"{self.folder}: its digits have not been read yet")
        return Extension(0, self.settings.steps), *self.extensions

    def learning_rate(self, step: int) -> float:
        """The rate of the step that is taken after `step` steps: the last change until then.

        The schedule is not in it: see `scheduled_rate`.
        """
        rate = self.settings.learning_rate
        for change in self.changes:
            rate = change.learning_rate if change.step <= step else rate
        if rate is None:
            raise RunError(f"{self.folder}: its digits have not been read yet")
        return rate

    def scheduled_rate(self, step: int) -> float:
        """That rate as the schedule has it. A run that is made longer begins its schedule anew."""
        leg = next(leg for leg in reversed(self.legs) if leg.step <= step)
        share = share_of_rate(self.settings.schedule, step - leg.step, leg.steps - leg.step)
        return self.learning_rate(step) * share

    def network(self, parameters: Array) -> Network:
        """The run's network with these parameters."""
        settings = self.settings
        return Network(self.sizes, parameters, settings.loss, settings.weight_decay)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The layer sizes of its network, inputs first."""
        return self.settings.sizes(len(self.classes))

    @property
    def rates(self) -> str:
        """The learning rate and its changes in words; of many changes the last."""
        words = f"α = {self.learning_rate(-1):g}"
        if len(self.changes) > 3:
            words += f", changed {len(self.changes):,} times"
        for step, rate in self.changes[-1 if len(self.changes) > 3 else 0 :]:
            words += f", {rate:g} from step {step:,}"
        if self.settings.schedule != "constant":
            words += f", {self.settings.schedule.replace('_', '-')}"
        return words

    @property
    def computed(self) -> str:
        """Who computes it, in words."""
        first, *others = self.engines
        return ", ".join([first.engine, *(f"{e} from step {step:,}" for step, e in others)])

    def identity(self, step: float = math.inf) -> dict[str, Any]:
        """What decides every bit of it up to this step on one machine, as a checkpoint repeats it.

        A change, another engine, or a greater length that comes later or with the very next step
        has no effect on these bits.
        """
        settings = self.settings.as_json()
        return {
            **{name: settings[name] for name, entry in ENTRIES.items() if entry.identity},
            "classes": len(self.classes),
            "key": self.key,
            "start": self.start,
            **self.data_hash,
            "changes": [each._asdict() for each in self.changes if each.step < step],
            "engines": [each._asdict() for each in self.engines if each.step < step],
            "extensions": [each._asdict() for each in self.extensions if each.step < step],
        }

    @property
    def data_hash(self) -> dict[str, str]:
        return {f"{part} digits": sha256 for part, sha256 in (self.data or {}).items()}

    @property
    def moments(self) -> list[int]:
        """The steps that have a row in the history when the run is finished."""
        return self.of_legs(planned)

    @property
    def recorded_steps(self) -> list[int]:
        """Those of them whose parameters the trajectory holds."""
        most = TRAJECTORY_BYTES // row_bytes(self.sizes)
        return self.of_legs(lambda leg: spread(planned(leg), most))

    def of_legs(self, steps: Callable[[Extension], list[int]]) -> list[int]:
        """The steps that each leg has, as far as it went."""
        ends = [*(each.step for each in self.extensions), self.length]
        return [
            step
            for leg, end in zip(self.legs, ends, strict=True)
            for step in steps(leg)
            if step <= end
        ]


def planned(leg: Extension) -> list[int]:
    """The steps of a leg that are to have a row in the history; only the first has its start."""
    rows = range(leg.step, leg.steps, max(1, math.ceil((leg.steps - leg.step) / MOMENTS)))
    return [*rows[0 if leg.step == 0 else 1 :], leg.steps]


def spread(moments: list[int], most: int) -> list[int]:
    """So many of these steps at most, the last among them."""
    apart = max(1, math.ceil((len(moments) - 1) / max(1, most - 1)))
    return moments[:-1:apart] + moments[-1:] if most > 1 else moments[-1:] * most


def row_bytes(sizes: tuple[int, ...]) -> int:
    """The bytes of one row: the step, the parameters, a SHA-256 of both."""
    return 8 + 4 * count_parameters(sizes) + 32
