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


def of_a_copy(at: Step) -> tuple[Array, Array]:
    return at.case.network.parameters, at.memory


def rate_twice(at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(gradients=(at.case.learning_rate * at.gradient,)))


def never_cleared(at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(gradients=(np.sum(at.gradients, axis=0),)))


def no_velocity_decay(at: Step) -> tuple[Array, Array]:
    theta, rate = at.case.network.parameters, at.case.learning_rate
    return momentum(theta, at.gradient, at.memory, learning_rate=rate, decay=1.0)


def memory_forgotten(at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(memory=np.zeros_like(at.memory)))


def step_number(number: int, at: Step) -> tuple[Array, Array]:
    return right.step(at._replace(number=number))


def t_of_every_array(at: Step) -> tuple[Array, Array]:
    """t is counted up for W1, for b1, for W2, …, so that each has another one."""
    sizes = [array.size for layer in at.case.network.layers for array in layer]
    first, moved = 0, at.case.network.parameters.copy()
    for k, size in enumerate(sizes, 1):
        t = (at.number - 1) * len(sizes) + k
        after, memory = step_number(t, at)
        moved[first : first + size] = after[first : first + size]
        first += size
    return moved, memory


def correction_kept(at: Step) -> tuple[Array, Array]:
    moved, memory = right.step(at)
    share = np.array([[1 - DECAY**at.number], [1 - SQUARE_DECAY**at.number]], memory.dtype)
    return moved, memory / share


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


def another_rate_than_1(case: Case) -> bool:
    return case.learning_rate != 1


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
        "step on a copy",
        {"step": of_a_copy},
        sentence="The step moves a copy, and the network keeps the parameters that it had.",
        effect="Nothing is learned; the loss stays what it was.",
        seen="an issue of a neural-network library, whose optimizer moved a copy of the weights",
        where="always",
        question="Print W1[3,400] before and after a step: has it moved?",
        judged="step",
    ),
    Bug(
        "learning rate twice",
        {"step": rate_twice},
        sentence="The gradient is multiplied by the learning rate, and once more in the step.",
        effect="Steps are too short where the learning rate is below 1.",
        seen="an issue of an extension of a deep-learning library",
        where="gradient descent or momentum, with another learning rate than 1",
        question="If the learning rate is halved, by how much should a step shrink?",
        applies=lambda case: not by_adam(case),
        differs=another_rate_than_1,
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
        "Adam's t counted for each array",
        {"step": t_of_every_array},
        sentence="t is counted up once for W1, once for b1, and so on, and not once a step.",
        effect="The first steps are shorter than they should be; no harm is seen.",
        seen="an issue of an automatic-differentiation library, and reviews of other optimizers",
        where="Adam",
        question="What is t for b2 in the first step?",
        applies=by_adam,
        judged="step",
    ),
    Bug(
        "Adam keeps its correction",
        {"step": correction_kept},
        sentence="The corrected running means are stored in the place of the running means, and "
        "corrected again in the next step.",
        effect="The means grow without end, that of the squares most: the steps shrink to nothing.",
        seen="an issue of a library of optimizers, where they were corrected in their place",
        where="Adam, more than one step",
        question="If the gradient is always 1, what is the running mean after two steps?",
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
