"""A network as text that needs no other program: a Python file, a C file, a table.

The same network gives the same text, and every number in it reads back to the same bits.
"""

from collections.abc import Iterator, Sequence
from string import Template

import numpy as np

from chainrule.bridges.layers import BYTES, Range
from chainrule.network import Array, Network, arrows

MOST = 10_000_000  # parameters of a network as text: about 200 MB


def about(network: Network) -> str:
    """What it is, in ASCII: 784 -> 10 -> 10, ReLU and softmax, made by chainrule."""
    between = "ReLU and softmax" if network.depth > 1 else "softmax"
    return f"{arrows(network.sizes).replace('→', '->')}, {between}, made by chainrule"


def check_text(network: Network) -> None:
    """ValueError for a network that is too large to be text."""
    if network.parameters.size > MOST:
        raise ValueError(
            f"a network as text may have {MOST:,} parameters, this one has "
            f"{network.parameters.size:,}; export it to ONNX"
        )


def braced(numbers: Sequence[str], braces: str, indent: str, each: int) -> Iterator[str]:
    """Numbers in braces or brackets, so many a line."""
    yield f"{indent}{braces[0]}"
    for first in range(0, len(numbers), each):
        yield f"{indent}    {', '.join(numbers[first : first + each])},"
    yield f"{indent}{braces[1]},"


# ----------------------------------------------------------------------------------------- Python

PYTHON = Template('''\
"""$about

    from THIS_FILE import read
    A = read(x)                  # $outputs probabilities
    print(A.index(max(A)))       # the most probable of them

It needs Python and nothing else. The numbers are those of the network, exactly; Python computes
with them in float64.
"""

from math import exp


def read(x):
    """The $outputs probabilities for one x, $what."""
    if len(x) != $inputs:
        raise ValueError(f"wanted $inputs numbers, got {len(x)}")
    A = [$scaled for p in x]
    for W, b in LAYERS[:-1]:
        A = [max(0.0, z) for z in product(W, b, A)]  # ReLU
    Z = product(*LAYERS[-1], A)
    largest = max(Z)
    e = [exp(z - largest) for z in Z]  # softmax
    total = sum(e)
    return [each / total for each in e]


def product(W, b, A):
    """Z = W A + b, a number for each unit."""
    return [bias + sum(w * a for w, a in zip(row, A)) for row, bias in zip(W, b)]


# W and b of each layer; a row of W has the weights of one unit.
LAYERS = [
''')


def python_file(network: Network, pixels: Range = "0-1") -> str:
    """A Python file that needs nothing: `read(x)` gives the probabilities, in float64.

    With pixels "0-255" it divides by 255 first. Raises ValueError for more than 10,000,000
    parameters.
    """
    check_text(network)
    head = PYTHON.substitute(
        about=about(network),
        inputs=network.sizes[0],
        outputs=network.sizes[-1],
        scaled="p / 255" if pixels == BYTES else "float(p)",
        what=in_words(network, pixels),
    )
    return head + "\n".join(python_layers(network)) + "\n]\n"


def python_layers(network: Network) -> Iterator[str]:
    for W, b in network.layers:
        yield "    ("
        yield "        ["
        for row in W:
            yield from braced(list(map(repr, row.tolist())), "[]", " " * 12, 4)
        yield "        ],"
        yield from braced(list(map(repr, b.ravel().tolist())), "[]", " " * 8, 4)
        yield "    ),"


def in_words(network: Network, pixels: Range) -> str:
    """What one example is: 784 numbers from 0 (paper) to 1 (ink)."""
    most = "255" if pixels == BYTES else "1"
    return f"{network.sizes[0]} numbers from 0 (paper) to {most} (ink), row by row"


# ---------------------------------------------------------------------------------------------- C

C_HEAD = Template("""\
/* $about
 *
 * int chainrule_read(const $taken x[$inputs], $real A[$outputs]);
 *
 * takes $what,
 * puts the $outputs probabilities into A, and returns the place of the largest.
 * It allocates nothing and changes nothing but A. Compile it with -lm where that is needed.
 */

#include <math.h>

int chainrule_read(const $taken x[$inputs], $real A[$outputs]);
""")

C_LAYER = Template("""\
    for (i = 0; i < $units; i++) {
        $real z = b$l[i];
        for (j = 0; j < $inputs; j++)
            z += W$l[i][j] * $before[j];
        $after[i] = $activated;
    }
""")

C_SOFTMAX = Template("""\
    for (i = 1; i < $outputs; i++)
        if (A[i] > A[largest])
            largest = i;
    top = A[largest];
    for (i = 0; i < $outputs; i++) {
        A[i] = $exp(A[i] - top);
        sum += A[i];
    }
    for (i = 0; i < $outputs; i++)
        A[i] /= sum;
    return largest;
}
""")


def c_file(network: Network, pixels: Range = "0-1") -> str:
    """A C file of arrays and one function, in C99 and C++: the probabilities, and the label.

    It computes in the network's own type, float or double. With pixels "0-255" it takes bytes and
    divides them by 255. Raises ValueError for more than 10,000,000 parameters.
    """
    check_text(network)
    single = network.parameters.dtype == np.float32
    real, f = ("float", "f") if single else ("double", "")
    names = {
        "about": about(network),
        "inputs": network.sizes[0],
        "outputs": network.sizes[-1],
        "taken": "unsigned char" if pixels == BYTES else real,
        "real": real,
        "exp": f"exp{f}",
        "what": in_words(network, pixels),
    }
    parts = [C_HEAD.substitute(names), *c_arrays(network, real, f)]
    parts.append(
        f"int chainrule_read(const {names['taken']} x[{names['inputs']}], "
        f"{real} A[{names['outputs']}])\n{{"
    )
    first = "A0" if pixels == BYTES else "x"
    hidden = [f"A{l}" for l in range(1, network.depth)]
    kept = [first, *hidden] if pixels == BYTES else hidden
    parts += [f"    {real} {name}[{network.sizes[int(name[1:])]}];" for name in kept]
    parts.append(f"    {real} top, sum = 0.0{f};\n    int i, j, largest = 0;\n")
    if pixels == BYTES:
        parts.append(
            f"    for (j = 0; j < {network.sizes[0]}; j++)\n        A0[j] = x[j] / 255.0{f};"
        )
    for l, (W, _) in enumerate(network.layers, 1):
        parts.append(
            C_LAYER.substitute(
                {"l": l, "real": real, "units": len(W), "inputs": W.shape[1]},
                before=[first, *hidden][l - 1],
                after=[*hidden, "A"][l - 1],
                activated=f"z > 0.0{f} ? z : 0.0{f}" if l < network.depth else "z",
            ).rstrip()
        )
    return "\n".join([*parts, C_SOFTMAX.substitute(names)])


def c_arrays(network: Network, real: str, suffix: str) -> Iterator[str]:
    """W1, b1, W2, … as constant arrays."""
    for l, (W, b) in enumerate(network.layers, 1):
        yield f"static const {real} W{l}[{len(W)}][{W.shape[1]}] = {{"
        for row in W:
            yield from braced([number + suffix for number in shortest(row)], "{}", "    ", 6)
        yield "};"
        yield f"static const {real} b{l}[{len(b)}] ="
        *numbers, _ = braced([number + suffix for number in shortest(b)], "{}", "    ", 6)
        yield "\n".join([*numbers, "    };\n"])


def shortest(array: Array) -> list[str]:
    """Each number in the fewest digits that read back to the same bits of its type."""
    return [str(number) for number in array.ravel()]


# -------------------------------------------------------------------------------------- the table


def csv_file(network: Network) -> str:
    """A table for a spreadsheet: a line for each unit, with its layer, number, bias and weights.

    In its first line stand the names layer, unit, b, w0, w1, …; units of fewer weights have empty
    cells at the end, so that W of a layer is a block of cells. Raises ValueError for more than
    10,000,000 parameters.
    """
    check_text(network)
    widest = max(network.sizes[:-1])
    lines = [",".join(["layer", "unit", "b", *(f"w{place}" for place in range(widest))])]
    for l, (W, b) in enumerate(network.layers, 1):
        empty = [""] * (widest - W.shape[1])
        for unit, (row, bias) in enumerate(zip(W, shortest(b), strict=True)):
            lines.append(",".join([str(l), str(unit), bias, *shortest(row), *empty]))
    return "\n".join(lines) + "\n"
