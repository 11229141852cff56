"""A moment of the lab, put into the output of a notebook as a page of its own."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.arrays import MOST_CLASSES, checked_names, names_of
from chainrule.data import CLASSES, PIXELS, Digits
from chainrule.network import Network

HEIGHT = 760  # pixels


class Moment:
    """A page that is shown in a frame, where its scripts reach neither the notebook nor the net."""

    def __init__(self, page: str, network: Network, height: int) -> None:
        self.page, self.network, self.height = page, network, height

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="chainrule: every number of one image" sandbox="allow-scripts" '
            f'width="100%" height="{self.height}" style="border: 0; display: block" '
            f'srcdoc="{escape(self.page)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"every number of one image in {self.network}"


def show(
    network: Network,
    image: int | Digits | ArrayLike,
    *,
    label: int | None = None,
    names: Sequence[str] | None = None,
    cell: str | None = None,
    height: int = HEIGHT,
) -> Moment:
    """Every number of one image's pass, to open and to prove, as the lab shows it.

    `image` is the number of one of MNIST's test images, Digits with one image, or 784 pixels, row
    by row or 28 × 28: from 0 to 1, or bytes. `label` is the number of the class taken as true
    (default: the image's own, else what the network reads), `names` are those of the classes
    (default: the image's own, else their numbers), `cell` the one that is opened, such as dW2[3,7];
    `height` is that of the frame, in pixels. As the last line of a cell it is what the cell shows;
    elsewhere display(show(…)). It needs no server; its `page` may be written to a file.

    Raises ValueError for a network of other inputs than digits have, of fewer than 2 or more than
    62 outputs, and for an image, a label, names or a cell that cannot be.
    """
    if not isinstance(network, Network):
        raise ValueError(f"show takes a Network, got {type(network).__name__}")
    classes = network.sizes[-1]
    if (
        network.sizes[0] != PIXELS
        or not 2 <= classes <= MOST_CLASSES
        or network.parameters.ndim > 1
    ):
        raise ValueError(
            f"show takes a network of digits or other classes, {PIXELS} → … → 2 to {MOST_CLASSES}, "
            f"got {network}"
        )
    question = asked(image)
    if isinstance(image, Digits):
        names = image.names if names is None else names
        label = int(image.labels[0]) if label is None else label
    called = names_of(classes) if names is None else checked_names(names)
    if len(called) != classes:
        raise ValueError(f"the network tells {classes} classes apart, got {len(called)} names")
    if "test" in question and classes != CLASSES:
        raise ValueError(
            f"test images of MNIST have {CLASSES} classes, the network {classes}; pass an image"
        )
    return Moment(page_of(network, question, label, called, cell), network, height)


def asked(image: int | Digits | ArrayLike) -> dict[str, Any]:
    """The image as a page asks for it."""
    from chainrule.lab.wire import encode_bytes

    if isinstance(image, int | np.integer):
        return {"test": int(image)}
    if isinstance(image, Digits):
        if len(image) != 1:
            raise ValueError(f"show takes one image, got {len(image):,}")
        return {"pixels": encode_bytes(image.images.tobytes())}
    return {"pixels": encode_bytes(bytes_of(np.asarray(image)).tobytes())}


def bytes_of(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """784 pixels as bytes; from 0 to 1 they are rounded to the 256 shades of a picture."""
    if pixels.size != PIXELS:
        raise ValueError(f"an image has {PIXELS} pixels (28 × 28), got shape {pixels.shape}")
    if pixels.dtype == np.uint8:
        return pixels.ravel()
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"pixels must be bytes, or numbers from 0 to 1, got {pixels.dtype}")
    if not ((pixels >= 0) & (pixels <= 1)).all():
        raise ValueError(
            f"pixels go from 0 (paper) to 1 (ink), got {pixels.min():g} to {pixels.max():g}; "
            f"divide by 255"
        )
    return (255 * pixels.ravel()).round().astype(np.uint8)


def page_of(
    network: Network,
    image: dict[str, Any],
    label: int | None,
    names: tuple[str, ...],
    cell: str | None,
) -> str:
    """The page of a moment, as the lab's *Save* makes it."""
    from chainrule.encode import to_json
    from chainrule.lab.api.lab import Lab
    from chainrule.lab.api.networks import named_model
    from chainrule.lab.api.saved import TYPES, page_files, saved_page
    from chainrule.lab.api.saving import save_moment

    named = named_model(network, names=names)
    lab = Lab((named,), no_training, named.id, folder=Path("no folder"))
    view = {"depth": "numbers"} | ({} if cell is None else {"cell": str(cell)})
    body = {"network": named.id, "image": image, "label": label, "view": view}
    moment: Any = save_moment(lab, body)["moment"]
    return saved_page(page_files(), TYPES, to_json(moment)).decode()


def no_training(*_: object) -> Any:  # noqa: ANN401
    raise RuntimeError("nothing is trained here")
