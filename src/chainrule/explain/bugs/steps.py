"""Mistakes of a training step: its direction, its order, its memory, batches put together."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from chainrule.descent import momentum
from chainrule.explain.bugs import program as right
from chainrule.explain.bugs import where
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Case, Pass, Step, decayed
from chainrule.network import Array

LATE = 10**9  # the number of a step so late that Adam corrects nothing any more
DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam, as in descent.py


def weights_first(at: Pass, l: int) -> Array:
    moved = at.W[l + 1] - at.case.learning_rate * at.dW[l + 1]
    return moved.T @ at.dZ[l + 1]


def stale_activations(at: Pass, l: int) -> Array:
    A = at.A[l - 1]
    if at.previous and at.previous.A[l - 1].shape == A.shape:
        A = at.previous.A[l - 1]
    return decayed(at, l, at.dZ[l] @ A.T)


def batches_alike(passes: Sequence[Pass]) -> Array:
    found: Array = np.mean([each.flat for each in passes], axis=0)
    return found


def uphill(at: Step) -> tuple[Array, Array]:
    parameters, memory = right.step(at)
    return 2 * at.case.network.parameters - parameters, memory


def never_cleared(at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(gradients=(np.sum(at.gradients, axis=0),)))


def no_velocity_decay(at: Step) -> tuple[Array, Array]:
    theta, rate = at.case.network.parameters, at.case.learning_rate
    return momentum(theta, at.gradient, at.memory, learning_rate=rate, decay=1.0)


def memory_forgotten(at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(memory=np.zeros_like(at.memory)))


def step_number(number: int, at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(number=number))


def adam_with(
    at: Step, *, squared: Callable[[Array, Array], Array], root: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """A step of Adam that squares something of the gradient and the mean, and takes some root."""
    mean = DECAY * at.memory[0] + (1 - DECAY) * at.gradient
    square = SQUARE_DECAY * at.memory[1] + (1 - SQUARE_DECAY) * squared(at.gradient, mean)
    ahead = mean / (1 - DECAY**at.number)
    size = root(square / (1 - SQUARE_DECAY**at.number)) + EPSILON
    moved = at.case.network.parameters - at.case.learning_rate * ahead / size
    return moved, np.stack([mean, square])


def no_root(at: Step) -> tuple[Array, Array]:
    return adam_with(at, squared=lambda g, mean: g**2, root=lambda square: square)


def square_of_the_mean(at: Step) -> tuple[Array, Array]:
    return adam_with(at, squared=lambda g, mean: mean**2, root=np.sqrt)


def by_descent(case: Case) -> bool:
    return case.rule.optimizer == "descent"


def by_momentum(case: Case) -> bool:
    return case.rule.optimizer == "momentum"


def by_adam(case: Case) -> bool:
    return case.rule.optimizer == "adam"


def a_batch_of_equal_size_before(case: Case) -> bool:
    sizes = [size for step in case.steps for size in step]
    return any(a == b for a, b in pairwise(sizes))


STEPS = (
    Bug(
        "weights updated first",
        {"dA": weights_first},
        sentence="W2 is updated before the hidden layer's derivatives are taken from it.",
        effect="Blame is that of the next step's weights; with small steps hard to notice.",
        seen="issues of books, tutorials and toy libraries, of several authors",
        where="a network with a hidden layer",
        question="With which W2 were the answers computed?",
        applies=lambda case: where.hidden(case) and by_descent(case),
        judged="step",
    ),
    Bug(
        "stale activations",
        {"dW": stale_activations},
        sentence="dW is made with the activations of the batch before.",
        effect="Each batch's mistakes are put down to the images of another.",
        seen="not seen itself; a library's issue has cached answers that did not change",
        where="two batches of one size that follow each other",
        question="Of which images are the activations in your cache?",
        applies=a_batch_of_equal_size_before,
        judged="step",
    ),
    Bug(
        "batches weighed alike",
        {"gather": batches_alike},
        sentence="Batches of different sizes count alike in a mean of their means.",
        effect="The images of the last, smaller batch count more than the others.",
        seen="issues of deep-learning libraries, about the last, smaller batch",
        where="batches of different sizes in one step",
        question="How much does one image of the last batch count?",
        differs=where.unequal_batches,
        judged="step",
    ),
    Bug(
        "uphill",
        {"step": uphill},
        sentence="The gradient is added to the parameters.",
        effect="The loss grows until all answers are surely wrong.",
        seen="issues of a library's tutorial and of courses, about plus and minus",
        where="always",
        question="Which way does the gradient point: up or down?",
        judged="step",
    ),
    Bug(
        "gradients never cleared",
        {"step": never_cleared},
        sentence="Each step goes along the sum of all gradients so far.",
        effect="It is momentum that never slows down: the loss swings, and grows.",
        seen="issues of many training scripts, for libraries that add gradients up",
        where="more than one step",
        question="What is in your gradient before the second step begins?",
        differs=where.several_steps,
        judged="step",
    ),
    Bug(
        "momentum without its decay",
        {"step": no_velocity_decay},
        sentence="The velocity is never slowed down: v = v + g.",
        effect="The loss swings, and grows.",
        seen="an issue of a machine-learning library, whose velocity never became smaller",
        where="momentum, more than one step",
        question="If the gradient were 0 from now on, would your steps end?",
        applies=by_momentum,
        differs=where.several_steps,
        judged="step",
    ),
    Bug(
        "velocity forgotten",
        {"step": memory_forgotten},
        sentence="The velocity begins at 0 in every step.",
        effect="It is plain gradient descent.",
        seen="an issue of a small library, where it is forgotten in every epoch",
        where="momentum, more than one step",
        question="Where does your velocity live between two steps?",
        applies=by_momentum,
        differs=where.several_steps,
        judged="step",
    ),
    Bug(
        "Adam without bias correction",
        {"step": partial(step_number, LATE)},
        sentence="The running means of Adam begin at 0 and are not corrected for it.",
        effect="The first steps are about three times as long.",
        seen="issues of deep-learning libraries, which lacked it",
        where="Adam",
        question="What is the running mean after one step, and what should it be?",
        applies=by_adam,
        judged="step",
    ),
    Bug(
        "Adam's t stays 1",
        {"step": partial(step_number, 1)},
        sentence="The number of the step is never counted up, so every step is corrected like the "
        "first.",
        effect="The steps become three times too short.",
        seen="issues of from-scratch code and of a training library: no power of t, no count",
        where="Adam, more than one step",
        question="What is t in the second step?",
        applies=by_adam,
        differs=where.several_steps,
        judged="step",
    ),
    Bug(
        "Adam without its root",
        {"step": no_root},
        sentence="The mean is divided by the mean square and not by its root.",
        effect="Steps are the longer, the smaller the gradient is: it jumps about.",
        seen="code in a public repository",
        where="Adam",
        question="If all gradients double, should Adam's steps change?",
        applies=by_adam,
        judged="step",
    ),
    Bug(
        "Adam squares its mean",
        {"step": square_of_the_mean},
        sentence="The second running mean is of the squared mean, not of the squared gradient.",
        effect="Where the gradient changes its sign, steps are too long.",
        seen="a published text about Adam in a public repository",
        where="Adam",
        question="Of what is v the running mean?",
        applies=by_adam,
        judged="step",
    ),
)
