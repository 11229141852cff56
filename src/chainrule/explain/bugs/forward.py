"""Mistakes on the way forward: the images, the labels, the layers, the loss."""

import numpy as np

from chainrule.explain.bugs import program as right
from chainrule.explain.bugs import where
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Case, Pass
from chainrule.network import Array, relu, softmax

# --------------------------------------------------------------------------- images and labels


def bytes_as_they_are(at: Pass, l: int) -> Array:
    return at.case.X * 255


def whole_division(at: Pass, l: int) -> Array:
    return np.floor(at.case.X)


def reshaped_images(at: Pass, l: int) -> Array:
    return at.case.X.T.reshape(at.case.X.shape)


def of_the_image_before(at: Pass, l: int) -> Array:
    return np.roll(at.case.X, 1, axis=1)


def next_label(at: Pass, l: int) -> Array:
    return np.roll(right.one_hot(at, l), 1, axis=0)


def reshaped_labels(at: Pass, l: int) -> Array:
    Y = right.one_hot(at, l)
    return Y.T.reshape(Y.shape)


def labels_are_mixed(case: Case) -> bool:
    at = Pass(case)
    return not np.array_equal(reshaped_labels(at, at.L), right.one_hot(at, at.L))


# ----------------------------------------------------------------------------------- the layers


def no_bias(at: Pass, l: int) -> Array:
    return at.W[l] @ at.A[l - 1]


def transposed_forward(at: Pass, l: int) -> Array:
    W = at.W[l]
    return (W.T if W.shape[0] == W.shape[1] else W) @ at.A[l - 1] + at.b[l]


def no_activation(at: Pass, l: int) -> Array:
    return at.Z[l]


def sigmoid_in_hidden(at: Pass, l: int) -> Array:
    return 1 / (1 + np.exp(-at.Z[l]))


def over_the_images(at: Pass, l: int) -> Array:
    return softmax(at.Z[l].T).T


def over_everything(at: Pass, l: int) -> Array:
    e = np.exp(at.Z[l] - at.Z[l].max())
    return e / e.sum()


def unshifted(at: Pass, l: int) -> Array:
    e = np.exp(at.Z[l])
    return e / e.sum(axis=0)


def not_divided(at: Pass, l: int) -> Array:
    return np.exp(at.Z[l] - at.Z[l].max(axis=0))


def sigmoid_for_softmax(at: Pass, l: int) -> Array:
    return 1 / (1 + np.exp(-at.Z[l]))


def relu_before_softmax(at: Pass, l: int) -> Array:
    return softmax(relu(at.Z[l]))


def softmax_twice(at: Pass, l: int) -> Array:
    return softmax(softmax(at.Z[l]))


# ------------------------------------------------------------------------------------- the loss


def sum_of_losses(at: Pass, l: int) -> Array:
    return right.E(at, l) * at.case.m


def no_half(at: Pass, l: int) -> Array:
    return 2 * right.E(at, l)


def mean_over_units(at: Pass, l: int) -> Array:
    return right.E(at, l) / len(at.Y)


def log_of_underflow(at: Pass, l: int) -> Array:
    return -np.sum(np.log(at.A[l][at.Y > 0])) / at.case.m


def log_with_base_10(at: Pass, l: int) -> Array:
    return right.E(at, l) / np.log(10)


def of_yes_and_no(at: Pass, l: int) -> Array:
    """-1/m Σ (Y log A + (1 - Y) log(1 - A)), over all units."""
    of_the_truth = np.where(at.Y > 0, at.A[l], 1 - at.A[l])
    return -np.sum(np.log(of_the_truth)) / at.case.m


def loss_of_answers(at: Pass, l: int) -> Array:
    wrong = at.A[l].argmax(axis=0) != at.case.labels
    return np.asarray(wrong.mean())


def plainly_crossed(case: Case) -> bool:
    """The loss is cross-entropy and nothing else."""
    return where.crossed(case) and not case.network.weight_decay


def zero_probability(case: Case) -> bool:
    """A probability of a true label underflows to 0."""
    at = right.run(right.RIGHT, case)
    return where.crossed(case) and bool((at.A[at.L][at.Y > 0] == 0).any())


FORWARD = (
    Bug(
        "pixels not divided",
        {"X": bytes_as_they_are},
        sentence="The pixels are numbers from 0 to 255, where the network wants 0 to 1.",
        effect="Z is 255 times as large: softmax is sure of one answer at once, and its derivative "
        "is almost 0, or one step throws the weights far away.",
        seen="issues of deep-learning libraries, where the loss stays at 2.3",
        where="wherever a pixel has ink",
        question="What is the largest number in X?",
    ),
    Bug(
        "pixels divided as whole numbers",
        {"X": whole_division},
        sentence="The pixels are divided by 255 in whole numbers: all but a full 255 become 0.",
        effect="The network sees only the darkest pixels; it learns, and reads worse.",
        seen="code in public repositories (// 255), and an issue where the loss was NaN",
        where="wherever a pixel is neither 0 nor 255",
        question="Which different numbers are there in X?",
    ),
    Bug(
        "images reshaped, not transposed",
        {"X": reshaped_images},
        sentence="The images are made columns by reshape instead of a transposition, which mixes "
        "the pixels of different images.",
        effect="Every column is a piece of other images: nothing can be learned.",
        seen="a course's assignment forum and a question on a forum; code in repositories",
        where="more than one image",
        question="Draw one column of X as a picture: which digit is it?",
        differs=where.several_images,
    ),
    Bug(
        "shuffled apart",
        {"X": of_the_image_before},
        sentence="Images and labels are each put into an order of their own, so that an image has "
        "the label of another.",
        effect="The labels are noise: nothing can be learned.",
        seen="not seen itself; issues of libraries and course code ask if their two shuffles agree",
        where="images with different labels",
        question="Draw a few columns of X after the shuffle: do their labels say what you see?",
        differs=lambda case: len(set(case.labels.tolist())) > 1,
    ),
    Bug(
        "one-hot off by one",
        {"Y": next_label},
        sentence="The 1 of a label stands one place too far.",
        effect="It learns as well as ever, to say the next digit.",
        seen="issues of course code and of libraries, with labels that count from 1",
        where="always",
        question="At which index is the 1 in the column of a 0?",
    ),
    Bug(
        "labels reshaped, not transposed",
        {"Y": reshaped_labels},
        sentence="One-hot rows are made columns by reshape instead of a transposition.",
        effect="A column has no 1 or many: the labels are noise.",
        seen="code in public repositories, next to images reshaped the same way",
        where="more than one image",
        question="What is the sum of each column of Y?",
        differs=labels_are_mixed,
    ),
    Bug(
        "bias left out",
        {"Z": no_bias},
        sentence="Z is W A without b.",
        effect="Every layer has to do without its biases; no harm is seen.",
        seen="issues of small neural-network projects",
        where="a bias that is not 0; those of a fresh network are",
        question="What is Z for an image of nothing but zeros?",
        differs=where.biased,
    ),
    Bug(
        "W transposed forward",
        {"Z": transposed_forward},
        sentence="Square weights are multiplied the wrong way round on the way forward.",
        effect="It is another network than the one that is trained backward.",
        seen="not seen as a mistake; readers of courses ask when W is to be transposed",
        where="weights that are a square, as W2 of 784-10-10",
        question="Which row of W belongs to the first unit?",
        applies=where.any_equal,
    ),
    Bug(
        "no ReLU",
        {"A": no_activation},
        sentence="The hidden layers hand on Z itself.",
        effect="Forward, all layers together are one; backward still thinks of ReLU. It reads "
        "as well as ever.",
        seen="copies of this network in public repositories that go on with Z",
        where="a network with a hidden layer",
        question="Can an activation of a hidden layer be negative?",
        applies=where.hidden,
    ),
    Bug(
        "sigmoid forward, ReLU′ backward",
        {"A": sigmoid_in_hidden},
        sentence="The hidden layers use the sigmoid, and the way back the slope of ReLU.",
        effect="It learns slowly along wrong slopes.",
        seen="a copy of this very network, in which one of the two was changed",
        where="a network with a hidden layer",
        question="Is the slope that of the function that you use forward?",
        applies=where.hidden,
    ),
    Bug(
        "softmax over the images",
        {"A_last": over_the_images},
        sentence="Softmax divides by the sum along a row, over the images.",
        effect="The answers of one image depend on the others of its batch.",
        seen="issues of libraries and research code, and code in repositories",
        where="always; of one image every answer becomes 1",
        question="What do the ten answers for one image add up to?",
    ),
    Bug(
        "softmax over everything",
        {"A_last": over_everything},
        sentence="Softmax divides by the sum over all units and all images.",
        effect="Every answer is about m times too small.",
        seen="copies of this very network, and issues of libraries: a sum without an axis",
        where="more than one image",
        question="What do the ten answers for one image add up to?",
        differs=where.several_images,
    ),
    Bug(
        "no maximum taken away",
        {"A_last": unshifted},
        sentence="exp is taken of Z itself and not of Z less its maximum.",
        effect="None, until a Z exceeds 709: then the answers are NaN and stay NaN.",
        seen="issues of many deep-learning libraries, where the answers become NaN",
        where="a Z of the last layer that is too large, or all of them far below 0",
        question="What is exp(1000)?",
        differs=where.overflowing,
    ),
    Bug(
        "exp without its sum",
        {"A_last": not_divided},
        sentence="The answers are exp(Z), not divided by their sum.",
        effect="They are no probabilities, and the derivative does not belong to them.",
        seen="code in a public repository that divides in the loss alone",
        where="always",
        question="What do the ten answers for one image add up to?",
    ),
    Bug(
        "sigmoid for softmax",
        {"A_last": sigmoid_for_softmax},
        sentence="The last layer has a sigmoid in each unit instead of softmax.",
        effect="The derivative is that of another function: it learns badly or not at all.",
        seen="issues of course code and of a book on digits",
        where="always",
        question="What do the ten answers for one image add up to?",
    ),
    Bug(
        "ReLU before softmax",
        {"A_last": relu_before_softmax},
        sentence="ReLU is used in the last layer, too, before softmax.",
        effect="All answers with a negative Z become equally likely; no harm is seen.",
        seen="issues of the examples of deep-learning libraries",
        where="a negative Z in the last layer",
        question="Which layers have a ReLU?",
        differs=lambda case: bool((right.run(right.RIGHT, case).Z[case.network.depth] < 0).any()),
    ),
    Bug(
        "softmax twice",
        {"A_last": softmax_twice},
        sentence="Softmax is applied to what has been through softmax.",
        effect="No answer can be surer than about 23 %; it learns slowly.",
        seen="issues of deep-learning libraries and of code that uses them; the loss stays high",
        where="always",
        question="How sure can your network be at most?",
    ),
    Bug(
        "loss summed, gradient averaged",
        {"E": sum_of_losses},
        sentence="The loss is a sum over the images, its gradient a mean.",
        effect="None on the steps; a gradient check fails by the factor m.",
        seen="not seen itself; its reverse, a mean loss and a summed gradient, in an issue",
        where="more than one image",
        question="Is your gradient that of the loss that you print?",
        differs=where.several_images,
        judged="loss",
    ),
    Bug(
        "loss without ½, gradient with it",
        {"E": no_half},
        sentence="The squares are not halved in the loss, but the gradient has no 2.",
        effect="None on the steps; a gradient check fails by the factor 2.",
        seen="an issue of a machine-learning library, which keeps it so on purpose",
        where="squared error",
        question="What is the derivative of a square?",
        applies=where.squared,
        judged="loss",
    ),
    Bug(
        "loss averaged over the units",
        {"E": mean_over_units},
        sentence="The loss is a mean over images and units, its gradient over images alone.",
        effect="None on the steps; a gradient check fails by the number of classes.",
        seen="a copy of this very network; issues of libraries whose mean is over all numbers",
        where="always",
        question="By how many numbers does your mean divide?",
        judged="loss",
    ),
    Bug(
        "log of 0",
        {"E": log_of_underflow},
        sentence="The log is taken of a probability that may have become 0.",
        effect="None on the steps; the loss that is printed is infinite.",
        seen="issues of libraries, of a book and of course code, where the loss is NaN",
        where="cross-entropy, where the probability of a true label underflows to 0",
        question="What does your loss say of an image that is surely misread?",
        applies=plainly_crossed,
        differs=zero_probability,
        judged="loss",
    ),
    Bug(
        "log with base 10",
        {"E": log_with_base_10},
        sentence="The loss has the log with base 10, its gradient belongs to the natural one.",
        effect="None on the steps; a gradient check fails by the factor 2.3.",
        seen="an issue of research code that took two different logs in one loss",
        where="cross-entropy",
        question="What is the derivative of log10(x)?",
        applies=plainly_crossed,
        judged="loss",
    ),
    Bug(
        "binary cross-entropy",
        {"E": of_yes_and_no},
        sentence="The loss has (1 − Y) log(1 − A) too, as for one answer of yes or no; after "
        "softmax, A − Y is the gradient of Y log A alone.",
        effect="None on the steps; a gradient check fails.",
        seen="issues of libraries and course code that ask which of the two belongs to softmax",
        where="cross-entropy",
        question="For which units of a column does your loss take a log?",
        applies=plainly_crossed,
        judged="loss",
    ),
    Bug(
        "argmax in the loss",
        {"E": loss_of_answers},
        sentence="The loss is the share of wrong answers.",
        effect="None on the steps; it has no slope, so it proves nothing of them.",
        seen="issues of deep-learning libraries, where no gradient comes back",
        where="always",
        question="How much does your loss change when a weight changes by 0.001?",
        judged="loss",
    ),
)
