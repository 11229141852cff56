"""What each sheet gives and asks, with every answer exact from what is printed on it."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from chainrule.lessons.exact import (
    Pass,
    Small,
    Vector,
    dot,
    draw_networks,
    dZ_of,
    jacobian_of,
    minus,
    pass_of,
    printed_log,
    printed_power,
    squared_error,
)

MOVE = Fraction(1, 10)  # how far the sheet on slopes moves its weight, up and down
RATES = (Fraction(1), Fraction(10))


class Number(NamedTuple):
    """A number under its name: dZ2[1]."""

    name: str
    value: Fraction


class Given(NamedTuple):
    """Numbers that the sheet prints beside the network, and what they are."""

    words: str
    numbers: tuple[Number, ...]


class Task(NamedTuple):
    """What is to be computed, by which formula, and the numbers that come out."""

    words: str
    formula: str
    answers: tuple[Number, ...]


class Sheet(NamedTuple):
    """One pupil's sheet, and its key."""

    pupil: int
    network: Small
    parts: tuple[Given | Task, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(part for part in self.parts if isinstance(part, Task))


Parts = Iterator[Given | Task]


def vector(name: str, values: Vector) -> tuple[Number, ...]:
    return tuple(Number(f"{name}[{i}]", value) for i, value in enumerate(values))


def only(name: str, value: Fraction) -> tuple[Number, ...]:
    return (Number(name, value),)


# ------------------------------------------------------------------------- parts of several sheets


def powers(found: Pass) -> Given:
    numbers = tuple(
        Number(f"e^({z})", power) for z, power in zip(found.Z2, found.powers, strict=True)
    )
    return Given("Powers of e to four decimals. Go on with these numbers.", numbers)


def sums(found: Pass) -> Given:
    numbers = vector("A1", found.A1) + vector("Z2", found.Z2)
    return Given("The sheet on pixels and weights leads to these numbers.", numbers)


def softmax(found: Pass) -> Task:
    return Task(
        "Turn the three sums into probabilities.",
        "S = Σ e^Z2[k],  A2[i] = e^Z2[i] / S",
        only("S", found.S) + vector("A2", found.A2),
    )


def target(small: Small) -> Given:
    return Given(f"The true answer is {small.label}.", vector("y", unit(small.label)))


def unit(label: int) -> Vector:
    return tuple(Fraction(i == label) for i in range(3))


def slopes(found: Pass) -> Task:
    dA = minus(found.A2, found.y)
    return Task(
        "How does E change with each probability, and with each sum?",
        "dA2[i] = A2[i] − y[i],  M = Σ A2[k] dA2[k],  dZ2[i] = A2[i] (dA2[i] − M)",
        (
            *vector("dA2", dA),
            Number("M", dot(found.A2, dA)),
            *vector("dZ2", dZ_of(found.A2, dA)),
        ),
    )


def path_of(small: Small, found: Pass) -> tuple[int, int]:
    """A hidden unit that is on, and a pixel with ink: the first of each."""
    on = next(j for j, a in enumerate(found.A1) if a > 0)
    return on, next(k for k, x in enumerate(small.x) if x > 0)


# ------------------------------------------------------------------------------------- the sheets


def pixels(small: Small, found: Pass) -> Parts:
    """Forward by hand."""
    yield Task(
        "Each hidden unit adds up its weights times the pixels, and its bias.",
        "Z1[i] = Σ W1[i,k] x[k] + b1[i]",
        vector("Z1", found.Z1),
    )
    yield Task(
        "ReLU keeps what is positive; the rest becomes 0.",
        "A1[i] = max(0, Z1[i])",
        vector("A1", found.A1),
    )
    yield Task(
        "Each answer adds up its weights times the hidden units, and its bias.",
        "Z2[i] = Σ W2[i,k] A1[k] + b2[i]",
        vector("Z2", found.Z2),
    )


def probabilities(small: Small, found: Pass) -> Parts:
    """From the image to three probabilities."""
    yield from pixels(small, found)
    yield powers(found)
    yield softmax(found)


def loss(small: Small, found: Pass) -> Parts:
    """What E would be for each true answer."""
    yield sums(found)
    yield powers(found)
    yield softmax(found)
    each = tuple(Number(f"E if it is a {t}", squared_error(found.A2, unit(t))) for t in range(3))
    yield Task(
        "How wrong is the network? Compute E for each answer that could be the true one. "
        "For which one is E smallest?",
        "E = 1/2 Σ (A2[k] − y[k])²,  y[k] = 1 for the true answer, else 0",
        each,
    )


def slope(small: Small, found: Pass) -> Parts:
    """One derivative beside the slope that E really has."""
    t = small.label
    j, _ = path_of(small, found)
    name = f"W2[{t},{j}]"
    moved = {sign: found.Z2[t] + sign * MOVE * found.A1[j] for sign in (1, -1)}
    new = {sign: printed_power(z) for sign, z in moved.items()}
    E = {sign: squared_error(replaced(found.powers, t, new[sign]), found.y) for sign in new}
    yield sums(found)
    yield target(small)
    yield powers(found)
    yield Given(
        f"{name} is moved up by 1/10, then down by 1/10. Only Z2[{t}] changes; e to it is then:",
        tuple(Number(f"e^({moved[sign]})", new[sign]) for sign in (1, -1)),
    )
    yield Task(
        "Compute E with the weight moved up, and with the weight moved down.",
        "E = 1/2 Σ (A2[k] − y[k])²",
        (Number("E up", E[1]), Number("E down", E[-1])),
    )
    yield Task(
        "How steep is E between the two?",
        "slope = (E up − E down) / (2/10)",
        only("slope", (E[1] - E[-1]) / (2 * MOVE)),
    )
    dZ = dZ_of(found.A2, minus(found.A2, found.y))[t]
    yield softmax(found)
    yield Task(
        f"Now the derivative. It comes near the slope. How near? Should {name} grow or shrink?",
        f"dA2[i] = A2[i] − y[i],  M = Σ A2[k] dA2[k],  dZ2[{t}] = A2[{t}] (dA2[{t}] − M),  "
        f"d{name} = dZ2[{t}] A1[{j}]",
        (Number(f"dZ2[{t}]", dZ), Number(f"d{name}", dZ * found.A1[j])),
    )


def replaced(powers: Vector, i: int, power: Fraction) -> Vector:
    """The probabilities when one of the powers is another."""
    changed = (*powers[:i], power, *powers[i + 1 :])
    S = sum(changed, Fraction(0))
    return tuple(each / S for each in changed)


def chain(small: Small, found: Pass) -> Parts:
    """The chain rule from E to one weight of the first layer."""
    j, k = path_of(small, found)
    dZ2 = dZ_of(found.A2, minus(found.A2, found.y))
    dA1 = dot(tuple(row[j] for row in small.W2), dZ2)
    yield sums(found)
    yield target(small)
    yield powers(found)
    yield softmax(found)
    yield slopes(found)
    yield Task(
        f"Back to hidden unit {j}. It is on, so ReLU passes the slope through.",
        f"dA1[{j}] = Σ W2[i,{j}] dZ2[i],  dZ1[{j}] = dA1[{j}]",
        (Number(f"dA1[{j}]", dA1), Number(f"dZ1[{j}]", dA1)),
    )
    yield Task(
        f"The end of the path: the weight between pixel {k} and unit {j}. "
        f"Should it grow or shrink?",
        f"dW1[{j},{k}] = dZ1[{j}] x[{k}]",
        only(f"dW1[{j},{k}]", dA1 * small.x[k]),
    )


def jacobian(small: Small, found: Pass) -> Parts:
    """The softmax Jacobian as a product, beside A − y."""
    J = jacobian_of(found.A2)
    dA = minus(found.A2, found.y)
    cells = tuple(Number(f"J[{i},{k}]", J[i][k]) for i in range(3) for k in range(3))
    yield sums(found)
    yield target(small)
    yield powers(found)
    yield softmax(found)
    yield Task(
        "How does each probability change with each sum? Each row of J sums to 0: check it.",
        "J[i,i] = A2[i] (1 − A2[i]),  J[i,k] = −A2[i] A2[k] for i ≠ k",
        cells,
    )
    yield Task(
        "dA2 is A2 − y. What multiplies it?",
        "dA2[i] = A2[i] − y[i],  dZ2[i] = Σ J[i,k] dA2[k]",
        vector("dA2", dA) + vector("dZ2", dZ_of(found.A2, dA)),
    )


def update(small: Small, found: Pass) -> Parts:
    """One step, at two learning rates."""
    t = small.label
    dZ = dZ_of(found.A2, minus(found.A2, found.y))[t]
    dW = tuple(dZ * a for a in found.A1)
    yield sums(found)
    yield target(small)
    yield powers(found)
    yield softmax(found)
    yield Task(
        f"The derivatives of the weights that lead to the true answer, {t}.",
        f"dA2[i] = A2[i] − y[i],  M = Σ A2[k] dA2[k],  dZ2[{t}] = A2[{t}] (dA2[{t}] − M),  "
        f"dW2[{t},k] = dZ2[{t}] A1[k]",
        (Number(f"dZ2[{t}]", dZ), *(Number(f"dW2[{t},{k}]", d) for k, d in enumerate(dW))),
    )
    for rate in RATES:
        yield Task(
            f"Take one step with α = {rate}. Which weights move, and which way?",
            f"W2[{t},k] := W2[{t},k] − {rate} · dW2[{t},k]",
            tuple(Number(f"new W2[{t},{k}]", small.W2[t][k] - rate * d) for k, d in enumerate(dW)),
        )


def losses(small: Small, found: Pass) -> Parts:
    """The same error under squared error and under cross-entropy."""
    t = small.label
    log = printed_log(found.S)
    yield sums(found)
    yield target(small)
    yield powers(found)
    yield softmax(found)
    yield slopes(found)
    yield Task(
        "Squared error.", "E = 1/2 Σ (A2[k] − y[k])²", only("E", squared_error(found.A2, found.y))
    )
    yield Given("A logarithm to four decimals. Go on with this number.", only("log S", log))
    yield Task(
        "Cross-entropy. Its dZ2 is A2 − y itself: A has cancelled. "
        "Which loss pushes harder here, and by what factor?",
        f"E = −log A2[{t}] = log S − Z2[{t}],  dZ2[i] = A2[i] − y[i]",
        (Number("E", log - found.Z2[t]), *vector("dZ2", minus(found.A2, found.y))),
    )


SHEETS: dict[str, Callable[[Small, Pass], Parts]] = {
    "pixels": pixels,
    "softmax": probabilities,
    "loss": loss,
    "slope": slope,
    "chain": chain,
    "jacobian": jacobian,
    "rate": update,
    "losses": losses,
}


def make_sheets(name: str, pupils: int, seed: int) -> tuple[Sheet, ...]:
    """A sheet for each pupil; with the same seed a pupil has the same network on every sheet."""
    return tuple(
        Sheet(pupil, small, tuple(SHEETS[name](small, pass_of(small))))
        for pupil, small in enumerate(draw_networks(seed, pupils), 1)
    )
