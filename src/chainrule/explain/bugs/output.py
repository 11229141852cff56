"""Mistakes where the way back begins: the loss, its mean over the images, and softmax."""

import numpy as np

from chainrule.explain.bugs import program as right
from chainrule.explain.bugs import where
from chainrule.explain.bugs.bug import Bug
from chainrule.explain.bugs.program import Pass
from chainrule.network import Array

# ------------------------------------------------------------------------------ the mean over m


def no_mean(at: Pass, l: int) -> float:
    return 1


def mean_twice(at: Pass, l: int) -> float:
    return at.case.m**2


def a_two_too_many(at: Pass, l: int) -> float:
    return at.case.m / 2


def halved(at: Pass, l: int) -> float:
    return 2 * at.case.m


def mean_over_units(at: Pass, l: int) -> float:
    return at.case.m * len(at.Y)


def mean_over_pixels(at: Pass, l: int) -> float:
    return at.case.network.sizes[0]


# ------------------------------------------------------------------------------------- A and Y


def other_way_round(at: Pass, l: int) -> Array:
    return at.Y - at.A[l]


def of_the_answers(at: Pass, l: int) -> Array:
    answers = np.arange(len(at.Y))[:, None] == at.A[l].argmax(axis=0)
    return answers - at.Y


def labels_as_numbers(at: Pass, l: int) -> Array:
    return at.A[l] - at.case.labels


def only_the_label(at: Pass, l: int) -> Array:
    return (at.A[l] - at.Y) * at.Y


def only_the_others(at: Pass, l: int) -> Array:
    return at.A[l] * (1 - at.Y)


# ------------------------------------------------------------------------------------- softmax


def no_jacobian(at: Pass, l: int) -> Array:
    """dZ = dA: (A - Y)/m of squared error, -Y/(mA) of cross-entropy."""
    return at.dA[l]


def diagonal(at: Pass, l: int) -> Array:
    """s(1 - s) dA; of cross-entropy -(1 - A) Y/m, in which A has cancelled."""
    A = at.A[l]
    return A * (1 - A) * at.dA[l] if at.squared else -(1 - A) * at.Y / at.divisor


def jacobian_once_more(at: Pass, l: int) -> Array:
    A, d = at.A[l], at.away / at.divisor
    return A * (d - np.sum(A * d, axis=0))


def mean_in_the_jacobian(at: Pass, l: int) -> Array:
    A, d = at.A[l], at.dA[l]
    return A * (d - np.mean(A * d, axis=0))


def no_sum(at: Pass, l: int) -> Array:
    return at.A[l] * at.dA[l]


def sum_over_everything(at: Pass, l: int) -> Array:
    A, d = at.A[l], at.dA[l]
    return A * (d - np.sum(A * d))


def unweighted_sum(at: Pass, l: int) -> Array:
    d = at.dA[l]
    return at.A[l] * (d - np.sum(d, axis=0))


def half_precision(at: Pass, l: int) -> Array:
    return right.dZ_last(at, l).astype(np.float16).astype(at.case.X.dtype)


OUTPUT = (
    Bug(
        "1/m missing",
        {"divisor": no_mean},
        sentence="The sum over the images is never divided by their number m.",
        effect="Every step is m times as long: with many images the weights are thrown far away.",
        seen="issues of course code, where the loss becomes NaN or 10 % are read",
        where="more than one image",
        question="If every image is there twice, how should the gradient change?",
        differs=where.several_images,
    ),
    Bug(
        "1/m twice",
        {"divisor": mean_twice},
        sentence="The sum over the images is divided by m, and by m again.",
        effect="Every step is m times too short: with many images nothing seems to happen.",
        seen="a course's assignment forum; a textbook's issue: loss and step both took the mean",
        where="more than one image",
        question="If every image is there twice, how should the gradient change?",
        differs=where.several_images,
    ),
    Bug(
        "a 2 too many",
        {"divisor": a_two_too_many},
        sentence="The 2 from the derivative of the square stays, although the loss has a ½.",
        effect="Every step is twice as long; a learning rate half as large hides it.",
        seen="copies of this very network in public repositories that have 2(A − Y)",
        where="squared error",
        question="What becomes of the ½ in the loss?",
        applies=where.squared,
    ),
    Bug(
        "½ not cancelled",
        {"divisor": halved},
        sentence="The ½ of the loss stays in its derivative.",
        effect="Every step is half as long; a learning rate twice as large hides it.",
        seen="no public report found; a slip that is easy to make",
        where="squared error",
        question="What becomes of the 2 from the derivative of a square?",
        applies=where.squared,
    ),
    Bug(
        "mean over the units, too",
        {"divisor": mean_over_units},
        sentence="The sum is divided by m and by the number of classes.",
        effect="Every step is ten times too short for ten classes.",
        seen="copies of this very network that divide by the size of the one-hot table",
        where="always",
        question="By how many numbers does your mean divide?",
    ),
    Bug(
        "pixels counted for m",
        {"divisor": mean_over_pixels},
        sentence="The sum is divided by the number of pixels: m is read from the wrong side of X's "
        "shape.",
        effect="Steps grow with the number of images: with 100 they are 8 times too short.",
        seen="a question on a forum: the number of inputs was taken for that of examples",
        where="more or fewer images than pixels",
        question="Which number of X.shape counts the images?",
        differs=lambda case: case.m != case.network.sizes[0],
    ),
    Bug(
        "Y − A",
        {"away": other_way_round},
        sentence="The difference is taken the wrong way round.",
        effect="Every step goes uphill: the loss grows until all answers are surely wrong.",
        seen="issues of a deep-learning library, a book and courses",
        where="always",
        question="If an answer is too large, which sign should its derivative have?",
    ),
    Bug(
        "argmax for A",
        {"away": of_the_answers},
        sentence="The digit that is read is compared with the label, not the probabilities.",
        effect="It learns from misread images alone, and from those as if they were sure.",
        seen="no public report found; a slip that is easy to make",
        where="always",
        question="What is the gradient of an image that is read right, but not surely?",
    ),
    Bug(
        "labels not one-hot",
        {"away": labels_as_numbers},
        sentence="The label itself, a number such as 7, is taken away from every probability.",
        effect="All units are pushed the same way, far from any answer.",
        seen="not seen as a mistake; readers of a book ask what one-hot labels are for",
        where="always",
        question="What is the shape of Y in A − Y?",
    ),
    Bug(
        "only the label's unit",
        {"away": only_the_label},
        sentence="The derivative is kept for the true digit alone.",
        effect="Wrong answers are never pushed down, or far too little.",
        seen="no public report found; a slip that is easy to make",
        where="always",
        question="Does the loss change when a wrong answer's Z changes?",
    ),
    Bug(
        "only the other units",
        {"away": only_the_others},
        sentence="The 1 of the label is never taken away: the true digit gets 0, the others A.",
        effect="Answers are pushed down, and the true one is never pushed up.",
        seen="not seen itself; code that sets the label's entry to −1 is in public repositories",
        where="always",
        question="Which sign has the derivative by the true digit's Z?",
    ),
    Bug(
        "A − Y with squared error",
        {"dZ_last": no_jacobian},
        sentence="Softmax is left out on the way back: dZ is (A − Y)/m, which belongs to "
        "cross-entropy.",
        effect="It learns well: it descends another loss than the one it shows.",
        seen="copies of this very network that use the squared error as their loss",
        where="squared error",
        question="Your dZ is exactly right for one loss. Is it yours?",
        applies=where.squared,
    ),
    Bug(
        "softmax left out",
        {"dZ_last": no_jacobian},
        sentence="Softmax is left out on the way back: dZ is dA = −Y/(mA).",
        effect="Only the true answer is pushed, the harder the less likely it is.",
        seen="a report to a deep-learning library: softmax's way back only copied dA",
        where="cross-entropy",
        question="What stands between Z and A in the last layer?",
        applies=where.crossed,
    ),
    Bug(
        "s(1 − s)",
        {"dZ_last": diagonal},
        sentence="The diagonal of the softmax Jacobian is taken for all of it.",
        effect="With squared error it learns almost as well; with cross-entropy it does not "
        "learn at all.",
        seen="code in public repositories, and issues of neural-network libraries",
        where="always",
        question="Does A[0] change when Z[1] changes?",
    ),
    Bug(
        "softmax twice on the way back",
        {"dZ_last": jacobian_once_more},
        sentence="A − Y has the softmax Jacobian in it already, and goes through it once more.",
        effect="It descends squared error, more slowly, whatever loss it shows.",
        seen="issues of course code, with a sigmoid: A − Y times its slope once more",
        where="cross-entropy",
        question="What has already become of the softmax in A − Y?",
        applies=where.crossed,
    ),
    Bug(
        "mean for sum in softmax",
        {"dZ_last": mean_in_the_jacobian},
        sentence="A ⊙ (dA − Σ A dA) has a mean in the place of its sum.",
        effect="The derivatives of one image no longer add up to 0; it reads a little worse.",
        seen="no public report found; a slip that is easy to make",
        where="squared error",
        question="What do the ten numbers of dZ for one image add up to?",
        applies=where.squared,
    ),
    Bug(
        "softmax without its sum",
        {"dZ_last": no_sum},
        sentence="A ⊙ (dA − Σ A dA) is written without the sum.",
        effect="The derivatives of one image no longer add up to 0; it reads a little worse.",
        seen="an issue of a neural-network library, where gradient checks failed",
        where="squared error",
        question="What do the ten numbers of dZ for one image add up to?",
        applies=where.squared,
    ),
    Bug(
        "softmax's sum over all images",
        {"dZ_last": sum_over_everything},
        sentence="The sum in A ⊙ (dA − Σ A dA) runs over the images, too.",
        effect="Every image is pushed by the mistakes of the others.",
        seen="code in public repositories: np.sum without an axis",
        where="squared error with more than one image",
        question="Can one image change the dZ of another?",
        applies=where.squared,
        differs=where.several_images,
    ),
    Bug(
        "softmax's sum without A",
        {"dZ_last": unweighted_sum},
        sentence="The sum in A ⊙ (dA − Σ A dA) is taken of dA without its weights A.",
        effect="A − Y adds up to 0, so what is left is the first term alone.",
        seen="no public report found; a slip that is easy to make",
        where="squared error",
        question="What do the ten numbers of dZ for one image add up to?",
        applies=where.squared,
    ),
    Bug(
        "float16 on the way",
        {"dZ_last": half_precision},
        sentence="A number is stored with 11 binary digits on the way back.",
        effect="Small derivatives become 0; in a network as small as this one it does no harm.",
        seen="issues of deep-learning libraries, where training in float16 does not converge",
        where="always",
        question="How many digits of your dZ are right?",
    ),
)
