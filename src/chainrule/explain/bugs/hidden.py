"""Mistakes on the way back to a hidden layer: dA and dZ."""

import numpy as np

from chainrule.explain.bugs import program as right
from chainrule.explain.bugs import where
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Pass
from chainrule.network import Array, relu


def not_transposed(at: Pass, l: int) -> Array:
    W = at.W[l + 1]
    return (W if W.shape[0] == W.shape[1] else W.T) @ at.dZ[l + 1]


def no_weights(at: Pass, l: int) -> Array:
    fits = at.W[l + 1].shape[0] == at.W[l + 1].shape[1]
    return at.dZ[l + 1] if fits else right.dA(at, l)


def of_the_derivatives(at: Pass, l: int) -> Array:
    return at.dW[l + 1].T @ at.dZ[l + 1]


def no_slope(at: Pass, l: int) -> Array:
    return at.dA[l]


def slope_alone(at: Pass, l: int) -> Array:
    return (at.Z[l] > 0).astype(at.case.X.dtype)


def relu_for_its_slope(at: Pass, l: int) -> Array:
    return at.dA[l] * at.A[l]


def relu_of_dA(at: Pass, l: int) -> Array:
    return relu(at.dA[l])


def at_zero_too(at: Pass, l: int) -> Array:
    return at.dA[l] * (at.Z[l] >= 0)


def slope_of_the_layer_above(at: Pass, l: int) -> Array:
    Z = at.Z[l + 1]
    return at.dA[l] * ((Z if Z.shape == at.Z[l].shape else at.Z[l]) > 0)


def slope_of_the_layer_below(at: Pass, l: int) -> Array:
    A = at.A[l - 1]
    return at.dA[l] * ((A if A.shape == at.Z[l].shape else at.Z[l]) > 0)


def slope_of_the_sigmoid(at: Pass, l: int) -> Array:
    return at.dA[l] * at.A[l] * (1 - at.A[l])


def slope_of_tanh(at: Pass, l: int) -> Array:
    return at.dA[l] * (1 - at.A[l] ** 2)


def wrong_side(at: Pass, l: int) -> Array:
    return at.dA[l] * (at.Z[l] <= 0)


def sign_for_slope(at: Pass, l: int) -> Array:
    return at.dA[l] * np.sign(at.Z[l])


def leaky(at: Pass, l: int) -> Array:
    return at.dA[l] * np.where(at.Z[l] > 0, 1, 0.01).astype(at.case.X.dtype)


HIDDEN = (
    Bug(
        "W not transposed",
        {"dA": not_transposed},
        sentence="dA is W dZ and not Wᵀ dZ, which goes unnoticed where W is a square.",
        effect="The hidden layer learns from blame that belongs to other units, and still it "
        "reads almost as well: nothing tells of it.",
        seen="copies of this network in public repositories; 784-10-10 gives no error",
        where="weights after a hidden layer that are a square, as W2 of 784-10-10",
        question="Which entries of W lead from hidden unit 3 to the answers: a row or a column?",
        applies=where.equal_neighbours,
    ),
    Bug(
        "W left out",
        {"dA": no_weights},
        sentence="dA is the dZ of the layer above, without W.",
        effect="Blame goes to the unit with the same number, whatever its weights are.",
        seen="not seen itself; copies of this network leave out W2 and slope for dW1 alone",
        where="layers with as many units as the one above",
        question="By which number does a hidden activation reach Z of the next layer?",
        applies=where.equal_neighbours,
    ),
    Bug(
        "dW for W",
        {"dA": of_the_derivatives},
        sentence="dA is made with dW, the derivatives by the weights, where W belongs.",
        effect="Hidden units that are on are pushed down until next to nothing comes through.",
        seen="copies of this very network and of a course's network in public repositories",
        where="a network with a hidden layer",
        question="By which number does a hidden activation reach Z of the next layer?",
        applies=where.hidden,
    ),
    Bug(
        "no ReLU′",
        {"dZ": no_slope},
        sentence="dZ of a hidden layer is dA, without the slope of ReLU.",
        effect="Units that were off learn as if they had been on.",
        seen="copies of this very network, and issues of a book whose slope was 1 everywhere",
        where="a hidden unit that is off",
        question="What happens to E when Z of a unit that is off moves a little?",
        applies=where.hidden,
        differs=where.unit_off,
    ),
    Bug(
        "ReLU′ alone",
        {"dZ": slope_alone},
        sentence="dZ of a hidden layer is the slope of ReLU and nothing else: dA, which comes back "
        "from above, is left out.",
        effect="Every step pushes hidden units down; after a few, all are off for good.",
        seen="a course's exercise in a public repository: a copy of dA is filled with 0 and 1",
        where="a network with a hidden layer",
        question="Does your dZ1 change when all labels change?",
        applies=where.hidden,
    ),
    Bug(
        "ReLU for ReLU′",
        {"dZ": relu_for_its_slope},
        sentence="dA is multiplied by ReLU(Z) and not by its slope.",
        effect="Strong units learn faster and faster; it reads a little worse.",
        seen="copies of this very network in public repositories",
        where="a network with a hidden layer",
        question="What is the slope of ReLU at Z = 3?",
        applies=where.hidden,
    ),
    Bug(
        "ReLU of dA",
        {"dZ": relu_of_dA},
        sentence="ReLU, or its slope, is taken of dA: what is negative becomes 0.",
        effect="Weights of the hidden layer can only go one way.",
        seen="an issue of a translated book, which said so in words",
        where="a network with a hidden layer",
        question="Whose sign says if a unit was on: that of Z or of dA?",
        applies=where.hidden,
    ),
    Bug(
        "≥ for >",
        {"dZ": at_zero_too},
        sentence="The slope of ReLU at 0 is taken as 1 and not as 0.",
        effect="None but for units whose Z is exactly 0; a matter of taste.",
        seen="issues of a network playground, a book and a course",
        where="a hidden Z that is exactly 0",
        question="Which slope does your ReLU have at 0, and which one does your book use?",
        applies=where.hidden,
        differs=where.at_a_kink,
    ),
    Bug(
        "ReLU′ of the layer above",
        {"dZ": slope_of_the_layer_above},
        sentence="The slope of ReLU is that of the next layer's Z.",
        effect="Blame is stopped at the wrong units.",
        seen="not seen itself; a library's issue has the activation of a wrong layer",
        where="layers with as many units as the one above, as in 784-10-10",
        question="Whose ReLU stands between A1 and Z1?",
        applies=where.equal_neighbours,
    ),
    Bug(
        "ReLU′ of the layer below",
        {"dZ": slope_of_the_layer_below},
        sentence="The slope of ReLU is taken where the layer below is on.",
        effect="Blame is stopped at the wrong units.",
        seen="not seen itself; a library's issue has the activation of a wrong layer",
        where="hidden layers with as many units as the one below",
        question="Whose ReLU stands between A[l] and Z[l]?",
        applies=where.equal_below,
    ),
    Bug(
        "sigmoid′ for ReLU′",
        {"dZ": slope_of_the_sigmoid},
        sentence="A(1 − A) is used, the slope of the sigmoid.",
        effect="Where A is above 1 the sign is wrong: the hidden layer unlearns.",
        seen="issues of a neural-network library and a course; code in repositories",
        where="a network with a hidden layer",
        question="Of which function is A(1 − A) the slope?",
        applies=where.hidden,
    ),
    Bug(
        "tanh′ for ReLU′",
        {"dZ": slope_of_tanh},
        sentence="1 − A² is used, the slope of tanh.",
        effect="Where A is above 1 the sign is wrong: the hidden layer unlearns.",
        seen="a course's assignment forum: ReLU put in forward alone, and A became NaN",
        where="a network with a hidden layer",
        question="Of which function is 1 − A² the slope?",
        applies=where.hidden,
    ),
    Bug(
        "ReLU′ the wrong way round",
        {"dZ": wrong_side},
        sentence="The slope is 1 where Z is not positive, and 0 where it is.",
        effect="Only units that are off learn.",
        seen="code in public repositories, with 0 and 1 exchanged",
        where="a network with a hidden layer",
        question="What is the slope of ReLU at Z = 3?",
        applies=where.hidden,
    ),
    Bug(
        "sign for ReLU′",
        {"dZ": sign_for_slope},
        sentence="The slope is −1 where Z is negative.",
        effect="Units that were off learn the opposite.",
        seen="no public report found; a slip that is easy to make",
        where="a hidden unit that is off",
        question="What is the slope of ReLU at Z = −3?",
        applies=where.hidden,
        differs=where.unit_off,
    ),
    Bug(
        "leaky ReLU′",
        {"dZ": leaky},
        sentence="The slope is 0.01 where Z is negative, but forward ReLU gives 0 there.",
        effect="Units that were off learn a hundredth; no harm is seen.",
        seen="not seen itself; its reverse, a leaky ReLU with ReLU's slope, in a library's issue",
        where="a hidden unit that is off",
        question="Is the slope that of the function that you use forward?",
        applies=where.hidden,
        differs=where.unit_off,
    ),
)
