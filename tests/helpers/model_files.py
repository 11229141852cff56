"""Model files that are made by hand, as docs/reference/files.md says."""

import hashlib
import json

import numpy as np
import safetensors
import safetensors.numpy

from chainrule import ModelError, Network, initialise, load_model


def a_network(sizes=(3, 2, 2), loss="squared_error", dtype="float32", seed=1):
    """A network in which every parameter, biases too, is another number."""
    start = initialise(sizes, loss=loss, rng=np.random.default_rng(seed), dtype=dtype)
    noise = np.random.default_rng(seed + 1).standard_normal(start.parameters.size)
    return Network(start.sizes, start.parameters + noise.astype(dtype), loss)


def same(one, other):
    return (one.sizes, one.loss, one.parameters.dtype, one.parameters.tobytes()) == (
        other.sizes,
        other.loss,
        other.parameters.dtype,
        other.parameters.tobytes(),
    )


def arrays_of(network):
    """W1, b1, W2, b2, … cut from the flat parameters by hand."""
    arrays, rest = {}, network.parameters
    for l, (inputs, units) in enumerate(zip(network.sizes, network.sizes[1:], strict=False), 1):
        arrays[f"W{l}"] = rest[: units * inputs].reshape(units, inputs)
        arrays[f"b{l}"] = rest[units * inputs : units * inputs + units].reshape(units, 1)
        rest = rest[units * inputs + units :]
    assert rest.size == 0
    return arrays


def checksum(fields, arrays):
    """The checksum of docs/reference/files.md, written by hand."""
    text = ", ".join(f'"{name}": {json.dumps(fields[name])}' for name in sorted(fields))
    content = f"{{{text}}}".encode()
    for name, array in arrays.items():
        shape = ", ".join(map(str, array.shape))
        content += f'["{name}", "{array.dtype}", [{shape}]]'.encode()
        content += array.astype(f"<f{array.itemsize}").tobytes()
    return hashlib.sha256(content).hexdigest()


def entry(arrays, **changes):
    """The text of the chainrule entry with these changes and, unless changed, a right checksum."""
    fields = {"format": 2, "loss": "squared_error", "weight_decay": 0.0, **changes}
    fields.setdefault("sha256", checksum(fields, arrays))
    return json.dumps(dict(sorted(fields.items())))


def model_file(arrays, **changes):
    return safetensors.numpy.save(arrays, {"chainrule": entry(arrays, **changes)})


def tiny(**changes):
    """The arrays of a 3-2-2 network; None takes one out."""
    arrays = {**arrays_of(a_network()), **changes}
    return {name: array for name, array in arrays.items() if array is not None}


TINY = model_file(tiny())


def check_refused_or_the_same(folder, content):
    path = folder / "any.safetensors"
    path.write_bytes(content)
    try:
        network = load_model(path)
    except ModelError as error:
        message = str(error)
    else:
        assert same(network, a_network())
        return
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
