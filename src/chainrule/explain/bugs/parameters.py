"""Mistakes in the derivatives by the parameters: dW and db, and weight decay."""

import numpy as np

from chainrule.explain.bugs import program as right
from chainrule.explain.bugs import where
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Pass, decayed
from chainrule.network import Array


def dW_divided_again(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dZ[l] @ at.A[l - 1].T / at.case.m)


def dW_not_divided(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dZ[l] @ at.A[l - 1].T * at.case.m)


def own_activations(at: Pass, l: int) -> Array:
    A = at.A[l]
    return decayed(at, l, at.dZ[l] @ (A if A.shape == at.A[l - 1].shape else at.A[l - 1]).T)


def dZ_of_the_layer_above(at: Pass, l: int) -> Array:
    dZ = at.dZ[l + 1] if l < at.L and at.dZ[l + 1].shape == at.dZ[l].shape else at.dZ[l]
    return decayed(at, l, dZ @ at.A[l - 1].T)


def slope_in_the_place_of_A(at: Pass, l: int) -> Array:
    A = at.A[l - 1] if l == 1 else (at.A[l - 1] > 0).astype(at.case.X.dtype)
    return decayed(at, l, at.dZ[l] @ A.T)


def Z_for_A(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dZ[l] @ (at.Z[l - 1] if l > 1 else at.A[0]).T)


def transposed_dW(at: Pass, l: int) -> Array:
    dW = at.dZ[l] @ at.A[l - 1].T
    return decayed(at, l, dW.T if dW.shape[0] == dW.shape[1] else dW)


def product_of_means(at: Pass, l: int) -> Array:
    dZ, A = (np.mean(each, axis=1, keepdims=True) for each in (at.dZ[l], at.A[l - 1]))
    return decayed(at, l, at.case.m * dZ @ A.T)


def dA_for_dZ(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dA[l] @ at.A[l - 1].T)


def first_layer_left(at: Pass, l: int) -> Array:
    return right.dW(at, l) if l > 1 or at.L == 1 else np.zeros_like(at.W[l])


def dW_of_the_last_image(at: Pass, l: int) -> Array:
    return decayed(at, l, at.dZ[l][:, -1:] @ at.A[l - 1][:, -1:].T)


def db_of_the_last_image(at: Pass, l: int) -> Array:
    return at.dZ[l][:, -1:]


def no_decay(at: Pass, l: int) -> Array:
    return at.dZ[l] @ at.A[l - 1].T


def decay_doubled(at: Pass, l: int) -> Array:
    return right.dW(at, l) + at.decay * at.W[l]


def decay_the_wrong_way(at: Pass, l: int) -> Array:
    return right.dW(at, l) - 2 * at.decay * at.W[l]


def decayed_biases(at: Pass, l: int) -> Array:
    return right.db(at, l) + at.decay * at.b[l]


def one_for_all_units(at: Pass, l: int) -> Array:
    return np.full_like(at.b[l], np.sum(at.dZ[l]))


def mean_of_all(at: Pass, l: int) -> Array:
    return np.full_like(at.b[l], np.mean(at.dZ[l]))


def no_db(at: Pass, l: int) -> Array:
    return np.zeros_like(at.b[l])


def last_db_is_0(at: Pass, l: int) -> Array:
    return np.zeros_like(at.b[l]) if l == at.L else right.db(at, l)


def db_divided_again(at: Pass, l: int) -> Array:
    return np.mean(at.dZ[l], axis=1, keepdims=True)


def db_not_divided(at: Pass, l: int) -> Array:
    return right.db(at, l) * at.case.m


def db_of_dA(at: Pass, l: int) -> Array:
    return np.sum(at.dA[l], axis=1, keepdims=True)


PARAMETERS = (
    Bug(
        "dW of dA",
        {"dW": dA_for_dZ},
        sentence="dW is dA A[l−1]ᵀ where dZ belongs.",
        effect="Weights learn as if their layer had no activation; with cross-entropy it ruins "
        "everything.",
        seen="code of an article in a public repository: dZ is computed and not used",
        where="always",
        question="What does W change first: Z or A?",
    ),
    Bug(
        "dW divided by m again",
        {"dW": dW_divided_again},
        sentence="dZ is a mean already, and dW is divided by m once more.",
        effect="Weights learn m times slower than biases.",
        seen="a course's assignment forum, where dW1 was wrong, and code in repositories",
        where="more than one image",
        question="How often does 1/m stand on the way from E to dW?",
        differs=where.several_images,
    ),
    Bug(
        "dW not divided by m",
        {"dW": dW_not_divided},
        sentence="db is divided by m, and dW is not.",
        effect="Weights learn m times faster than biases.",
        seen="teaching material in public repositories: a sum for dW, a mean for db",
        where="more than one image",
        question="How often does 1/m stand on the way from E to dW?",
        differs=where.several_images,
    ),
    Bug(
        "A of its own layer",
        {"dW": own_activations},
        sentence="dW[l] is dZ[l] A[l]ᵀ where A[l−1] belongs.",
        effect="The last layer learns to repeat itself; it reads a little worse.",
        seen="code in public repositories that uses A2 in dW2 of equal layers",
        where="layers with as many units as the one below, as the last of 784-10-10",
        question="What is W2 multiplied by on the way forward?",
        applies=where.any_equal,
    ),
    Bug(
        "dZ of the layer above",
        {"dW": dZ_of_the_layer_above},
        sentence="dW1 is made of dZ2 where dZ1 belongs, which goes unnoticed where both have one "
        "shape.",
        effect="Hidden unit 3 learns to be a digit 3, as if there were no layer above; it reads as "
        "well as ever.",
        seen="many copies of a published notebook of this very network; 784-10-10 gives no error",
        where="layers with as many units as the one above, as in 784-10-10",
        question="Which Z does W1 enter first: Z1 or Z2?",
        applies=where.equal_neighbours,
    ),
    Bug(
        "ReLU′ written into A",
        {"dW": slope_in_the_place_of_A},
        sentence="The slope of ReLU is written into A in its place, and dW, which is made after "
        "that, finds 0 and 1 where A was.",
        effect="The last layer learns as if all units that are on were equally strong; it reads a "
        "little worse.",
        seen="code in public repositories whose ReLU′ changes the array that it is given",
        where="a network with a hidden layer",
        question="Print A1 before and after your ReLU′: is it still the same?",
        applies=where.hidden,
    ),
    Bug(
        "Z for A",
        {"dW": Z_for_A},
        sentence="dW[l] is dZ[l] Z[l−1]ᵀ where A[l−1] belongs.",
        effect="Weights from units that were off are moved; no harm is seen.",
        seen="no public report found; a slip that is easy to make",
        where="a hidden unit that is off",
        question="What is W2 multiplied by on the way forward?",
        applies=where.hidden,
        differs=where.unit_off,
    ),
    Bug(
        "dW transposed",
        {"dW": transposed_dW},
        sentence="dW is A dZᵀ, the transposed of what it should be.",
        effect="Each weight takes the step of another.",
        seen="issues of a book, whose weights were moved wrongly",
        where="weights that are a square, as W2 of 784-10-10",
        question="Which cell of dW2 belongs to hidden unit 3 and digit 7?",
        applies=where.any_equal,
    ),
    Bug(
        "product of means",
        {"dW": product_of_means},
        sentence="dZ and A are averaged over the images before they are multiplied.",
        effect="What is different about each image is lost.",
        seen="no public report found; a slip that is easy to make",
        where="more than one image",
        question="Is the mean of products the product of means?",
        differs=where.several_images,
    ),
    Bug(
        "= for +=",
        {"dW": dW_of_the_last_image, "db": db_of_the_last_image},
        sentence="A loop over the images keeps the last one's gradient instead of adding them up.",
        effect="Each step learns from one image, and is m times as short.",
        seen="no public report found; a slip that is easy to make",
        where="more than one image",
        question="Does your gradient change when the first image is another one?",
        differs=where.several_images,
    ),
    Bug(
        "first layer left as it is",
        {"dW": first_layer_left},
        sentence="dW1 is 0: only the later layers learn.",
        effect="The hidden layer keeps its first, random features; it reads far worse.",
        seen="code in public repositories: a loop over the layers that ends too early",
        where="a network with a hidden layer",
        question="Which layers does your loop reach?",
        applies=where.hidden,
    ),
    Bug(
        "λ left out",
        {"dW": no_decay},
        sentence="Weight decay is in the loss and not in the gradient.",
        effect="No weight decay happens.",
        seen="issues of libraries, whose weight decay had no effect on training",
        where="weight decay",
        question="What is the derivative of λ/2 W²?",
        applies=where.decaying,
    ),
    Bug(
        "2λ",
        {"dW": decay_doubled},
        sentence="Weight decay adds 2λW to dW, although the loss has λ/2.",
        effect="Twice the weight decay.",
        seen="issues of a course and of a public network, about the ½ before λ",
        where="weight decay",
        question="What is the derivative of λ/2 W²?",
        applies=where.decaying,
    ),
    Bug(
        "−λ",
        {"dW": decay_the_wrong_way},
        sentence="Weight decay takes λW away from dW where it should be added.",
        effect="Weights are pushed away from 0, and grow with every step; it reads a little worse.",
        seen="issues of deep-learning libraries, whose weights grew with weight decay",
        where="weight decay",
        question="If dW were λW alone, would a step make W smaller?",
        applies=where.decaying,
    ),
    Bug(
        "decay of biases",
        {"db": decayed_biases},
        sentence="Weight decay is applied to the biases, too, which the loss leaves out.",
        effect="Biases are pulled to 0; the harm is small.",
        seen="issues of deep-learning libraries, whose optimizers decay every parameter",
        where="weight decay, and a bias that is not 0",
        question="Which parameters are in λ/2 Σ W²?",
        applies=where.decaying,
        differs=where.biased,
    ),
    Bug(
        "one db for all units",
        {"db": one_for_all_units},
        sentence="db is one sum over units and images, the same number for every unit.",
        effect="Biases of a layer move together, and those of the last one never, because its "
        "dZ adds up to 0. No harm is seen.",
        seen="many copies of a published notebook of this very network; a course's issue",
        where="always",
        question="How many numbers should db1 have?",
    ),
    Bug(
        "db a mean of all",
        {"db": mean_of_all},
        sentence="db is one mean over units and images, the same number for every unit.",
        effect="Biases of a layer move together, by very little; no harm is seen.",
        seen="code in public repositories: np.mean without an axis",
        where="always",
        question="How many numbers should db1 have?",
    ),
    Bug(
        "no db",
        {"db": no_db},
        sentence="db is 0: the biases never learn.",
        effect="The biases stay at 0; no harm is seen.",
        seen="issues of small neural-network libraries, whose biases never moved",
        where="always",
        question="Are your biases still 0 after training?",
    ),
    Bug(
        "b of the last layer never moves",
        {"db": last_db_is_0},
        sentence="db of the last layer is 0.",
        effect="The last biases stay at 0; no harm is seen.",
        seen="a course's issue: A − Y summed over units and images is 0",
        where="always",
        question="Is b2 still 0 after training?",
    ),
    Bug(
        "db divided by m again",
        {"db": db_divided_again},
        sentence="db is a mean over the images of what is a mean already.",
        effect="Biases learn m times slower than weights; no harm is seen.",
        seen="an issue of published notes, and a copy of this network: mean for sum",
        where="more than one image",
        question="How often does 1/m stand on the way from E to db?",
        differs=where.several_images,
    ),
    Bug(
        "db not divided by m",
        {"db": db_not_divided},
        sentence="dW is divided by m, and db is not.",
        effect="Biases learn m times faster than weights.",
        seen="code in public repositories, where dW is divided by m and db is not",
        where="more than one image",
        question="How often does 1/m stand on the way from E to db?",
        differs=where.several_images,
    ),
    Bug(
        "db of dA",
        {"db": db_of_dA},
        sentence="db is the sum of dA where dZ belongs.",
        effect="Biases learn as if their layer had no activation; with cross-entropy it ruins "
        "everything.",
        seen="code of an article in a public repository: dZ is computed and not used",
        where="always",
        question="What does b change first: Z or A?",
    ),
)
