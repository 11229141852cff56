"""scikit-learn's MLPClassifier, trained, becomes a network; scikit-learn itself is not needed."""

from typing import Any

import numpy as np

from chainrule.bridges.layers import Found, opened, scaling
from chainrule.files import ModelError
from chainrule.network import Loss, Network


def from_sklearn(classifier: Any, *, pixels: str, loss: Loss = "cross_entropy") -> Network:  # noqa: ANN401
    """The network of a trained sklearn.neural_network.MLPClassifier.

    `pixels` says on what it was trained: "0-1", which also stands for any numbers that are to stay
    as they are, "0-255", or "MEAN,DEVIATION"; the scaling is folded into W1 and b1. Its parameters
    keep their type, float64 if it was trained on float64. A class is its place in `classes_`. A
    classifier of two classes has one output there and two here, with the same probabilities. Its
    `alpha`, a share of weight decay that depends on the batch, is left out.

    Raises ValueError for other pixels, ModelError (a ValueError) for one that is not trained, has
    another activation than relu, or more than one label an example; AttributeError never.
    """
    coefs, intercepts = (getattr(classifier, name, None) for name in ("coefs_", "intercepts_"))
    if coefs is None or intercepts is None:
        raise ModelError(
            f"wanted an MLPClassifier that is trained, got {type(classifier).__name__} without "
            f"coefs_; call fit first"
        )
    between, last = classifier.activation, getattr(classifier, "out_activation_", None)
    if between != "relu" and len(coefs) > 1:
        raise ModelError(f"its activation must be relu, it is {between}; train it with relu")
    layers = [(np.asarray(W).T, np.asarray(b)) for W, b in zip(coefs, intercepts, strict=True)]
    outputs = len(layers[-1][1])
    if last == "logistic" and outputs == 1:
        W, b = layers[-1]
        # softmax of (0, z) is (1 - σ(z), σ(z)).
        layers[-1] = (np.concatenate([0 * W, W]), np.concatenate([0 * b, b]))
    elif last != "softmax":
        what = "a regressor" if last == "identity" else "a classifier of several labels an example"
        raise ModelError(f"its last layer must be softmax, it is {last}: this is {what}")
    found = Found(layers, "scikit-learn", (), None, 0.0)
    return opened(found, scaling(pixels), loss).network
