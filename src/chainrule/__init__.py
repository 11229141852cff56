"""A neural network you can read, check and watch: handwritten digits with NumPy alone."""

from chainrule.data import DataError, Digits, load_digits, load_mnist
from chainrule.model import ModelError, load_bundled, load_model, save_model
from chainrule.network import (
    Derivatives,
    Network,
    Trace,
    backward,
    forward,
    gradient,
    initialise,
    loss,
)
from chainrule.reading import predict, probabilities
from chainrule.training import DivergenceError, Evaluation, Snapshot, evaluate, train

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Derivatives",
    "Digits",
    "DivergenceError",
    "Evaluation",
    "ModelError",
    "Network",
    "Snapshot",
    "Trace",
    "backward",
    "evaluate",
    "forward",
    "gradient",
    "initialise",
    "load_bundled",
    "load_digits",
    "load_mnist",
    "load_model",
    "loss",
    "predict",
    "probabilities",
    "save_model",
    "train",
]
