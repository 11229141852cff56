"""A neural network you can read, check and watch: handwritten digits with NumPy alone."""

import sys

TYPE_CHECKING = False  # as in typing, which takes a while to import
if TYPE_CHECKING:
    from chainrule.data import DataError, Digits, Table, load_mnist
    from chainrule.files import ModelError
    from chainrule.model import load_bundled, load_model, save_model
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
    from chainrule.sources import load_digits, set_apart
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
    "Table",
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
    "set_apart",
    "train",
]

# The room of each name. It is opened when the name is asked for: so the command line can be ready
# for Ctrl-C before NumPy is loaded.
_ROOMS = {
    "data": ("DataError", "Digits", "Table", "load_mnist"),
    "files": ("ModelError",),
    "model": ("load_bundled", "load_model", "save_model"),
    "notebook": (),
    "network": (
        *("Derivatives", "Network", "Trace", "backward", "forward", "gradient", "initialise"),
        "loss",
    ),
    "reading": ("predict", "probabilities"),
    "sources": ("load_digits", "set_apart"),
    "training": ("DivergenceError", "Evaluation", "Snapshot", "evaluate", "train"),
}

if not TYPE_CHECKING:  # a type checker would take any name then

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for room, names in _ROOMS.items():
            if name == room or name in names:
                opened = import_module(f"{__name__}.{room}")
                globals()[name] = opened if name == room else getattr(opened, name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_ROOMS})


if "IPython" in sys.modules:  # perhaps a notebook: values are shown as tables and pictures there
    import chainrule.notebook  # noqa: F401
