"""Programs of the network with a mistake of the zoo in them, in three styles, mutated by a seed.

Each mistake is written once, for a layer, examples as columns. `program` puts it into a style:
columns with everything apart, rows with a dict, or lists of layers; then names, and the order of
arguments and functions, are drawn at random.
"""

import ast
import random
import re

# What each part of the right program says of layer l; {n} is the layer above, {p} the one below.
RIGHT = {
    "Z": "W{l} @ A{p} + b{l}",
    "A": "np.maximum(Z{l}, 0)",
    "A_last": "np.exp(Z{l} - Z{l}.max(axis=0, keepdims=True)) / "
    "np.exp(Z{l} - Z{l}.max(axis=0, keepdims=True)).sum(axis=0, keepdims=True)",
    "divisor": "m",
    "away": "A{l} - Y",
    "dA_last": "D / M",
    "dZ_last": "A{l} * (dA{l} - np.sum(A{l} * dA{l}, axis=0, keepdims=True))",
    "dA": "W{n}.T @ dZ{n}",
    "dZ": "dA{l} * (Z{l} > 0)",
    "dW": "dZ{l} @ A{p}.T",
    "db": "np.sum(dZ{l}, axis=1, keepdims=True)",
}
CROSSED = RIGHT | {"dA_last": "-Y / (M * A{l})", "dZ_last": "D / M"}
# A pair is what is said of layer 1 and of layer 2.
MISTAKES = {
    "1/m missing": {"divisor": "1"},
    "1/m twice": {"divisor": "m * m"},
    "a 2 too many": {"divisor": "m / 2"},
    "½ not cancelled": {"divisor": "2 * m"},
    "mean over the units, too": {"divisor": "Y.size"},
    "pixels counted for m": {"divisor": "784"},
    "Y − A": {"away": "Y - A{l}"},
    "only the label's unit": {"away": "(A{l} - Y) * Y"},
    "only the other units": {"away": "A{l} * (1 - Y)"},
    "argmax for A": {"away": "(A{l} == A{l}.max(axis=0, keepdims=True)) - Y"},
    "A − Y with squared error": {"dZ_last": "D / M"},
    "s(1 − s)": {"dZ_last": "A{l} * (1 - A{l}) * dA{l}"},
    "mean for sum in softmax": {
        "dZ_last": "A{l} * (dA{l} - np.mean(A{l} * dA{l}, axis=0, keepdims=True))"
    },
    "softmax without its sum": {"dZ_last": "A{l} * dA{l}"},
    "softmax's sum over all images": {"dZ_last": "A{l} * (dA{l} - np.sum(A{l} * dA{l}))"},
    "softmax's sum without A": {"dZ_last": "A{l} * (dA{l} - np.sum(dA{l}, axis=0, keepdims=True))"},
    "float16 on the way": {
        "dZ_last": "(A{l} * (dA{l} - np.sum(A{l} * dA{l}, axis=0, keepdims=True)))"
        ".astype(np.float16).astype(float)"
    },
    "W not transposed": {"dA": "W{n} @ dZ{n}"},
    "W left out": {"dA": "dZ{n}"},
    "dW for W": {"dA": "dW{n}.T @ dZ{n}"},
    "no ReLU′": {"dZ": "dA{l}"},
    "ReLU′ alone": {"dZ": "1.0 * (Z{l} > 0)"},
    "ReLU for ReLU′": {"dZ": "dA{l} * A{l}"},
    "ReLU of dA": {"dZ": "np.maximum(dA{l}, 0)"},
    "≥ for >": {"dZ": "dA{l} * (Z{l} >= 0)"},
    "ReLU′ of the layer above": {"dZ": "dA{l} * (Z{n} > 0)"},
    "sigmoid′ for ReLU′": {"dZ": "dA{l} * A{l} * (1 - A{l})"},
    "tanh′ for ReLU′": {"dZ": "dA{l} * (1 - A{l} ** 2)"},
    "ReLU′ the wrong way round": {"dZ": "dA{l} * (Z{l} <= 0)"},
    "sign for ReLU′": {"dZ": "dA{l} * np.sign(Z{l})"},
    "leaky ReLU′": {"dZ": "dA{l} * np.where(Z{l} > 0, 1, 0.01)"},
    "dW of dA": {"dW": "dA{l} @ A{p}.T"},
    "dZ of the layer above": {"dW": ("dZ{n} @ A{p}.T", RIGHT["dW"])},
    "ReLU′ written into A": {"dW": (RIGHT["dW"], "dZ{l} @ (A{p} > 0).T")},
    "dW divided by m again": {"dW": "dZ{l} @ A{p}.T / m"},
    "dW not divided by m": {"dW": "dZ{l} @ A{p}.T * m"},
    "db a mean of all": {"db": "np.mean(dZ{l}) * np.ones(b{l}.shape)"},
    "one db for all units": {"db": "np.sum(dZ{l})"},
    "no db": {"db": "0 * b{l}"},
    "db divided by m again": {"db": "np.mean(dZ{l}, axis=1, keepdims=True)"},
    "db not divided by m": {"db": "np.sum(dZ{l}, axis=1, keepdims=True) * m"},
    "db of dA": {"db": "np.sum(dA{l}, axis=1, keepdims=True)"},
    "product of means": {
        "dW": "m * np.mean(dZ{l}, axis=1, keepdims=True) @ np.mean(A{p}, axis=1, keepdims=True).T"
    },
    "bias left out": {"Z": "W{l} @ A{p}"},
    "no ReLU": {"A": "1 * Z{l}"},
    "sigmoid forward, ReLU′ backward": {"A": "1 / (1 + np.exp(-Z{l}))"},
    "softmax over the images": {
        "A_last": "np.exp(Z{l}) / np.sum(np.exp(Z{l}), axis=1, keepdims=True)"
    },
    "softmax over everything": {"A_last": "np.exp(Z{l}) / np.sum(np.exp(Z{l}))"},
    "no maximum taken away": {
        "A_last": "np.exp(Z{l}) / np.sum(np.exp(Z{l}), axis=0, keepdims=True)"
    },
    "exp without its sum": {"A_last": "np.exp(Z{l} - Z{l}.max(axis=0, keepdims=True))"},
    "sigmoid for softmax": {"A_last": "1 / (1 + np.exp(-Z{l}))"},
    "pixels not divided": {"X": "255 * X"},
    "pixels divided as whole numbers": {"X": "np.floor(X)"},
}
STYLES = ("columns", "rows", "layers")
NAMES = {
    "forward": ("forward", "forward_prop", "feed_forward", "forwardPropagation", "fprop"),
    "backward": ("backward", "back_prop", "backward_prop", "compute_gradients", "backpropagation"),
    "loss": ("loss", "compute_loss", "cost", "loss_fn", "calculate_cost"),
    "X": ("X", "x", "inputs", "x_batch"),
    "Y": ("Y", "y", "targets", "one_hot_Y", "T", "y_true"),
    "params": ("params", "parameters", "theta", "model"),
}
LAYER_NAMES = {
    "W": ("W{}", "w{}", "weights{}", "W_{}"),
    "b": ("b{}", "bias{}", "b_{}"),
    "Z": ("Z{}", "z{}", "z_{}", "pre{}"),
    "A": ("A{}", "a{}", "act{}"),
    "dZ": ("dZ{}", "delta{}", "d_z{}"),
    "dA": ("dA{}", "da{}", "grad_a{}"),
    "dW": ("dW{}", "grad_w{}", "dw{}", "W{}_grad"),
    "db": ("db{}", "grad_b{}", "d_b{}"),
}


class Turned(ast.NodeTransformer):
    """An expression of columns as one of rows: products and axes the other way round."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            node.left, node.right = node.right, node.left
        return node

    def visit_keyword(self, node):
        if node.arg == "axis":
            return ast.keyword("axis", ast.Constant(1 - node.value.value))
        return self.generic_visit(node)


def turned(expression):
    tree = ast.parse(expression, mode="eval")
    return ast.unparse(Turned().visit(tree))


def program(mistakes=(), *, style="columns", seed=0, loss="squared_error"):
    """The text of a program with these mistakes; ValueError if two of them are in one part."""
    parts = dict(RIGHT if loss == "squared_error" else CROSSED) | {"X": None}
    changed = {}
    for name in mistakes:
        if set(MISTAKES[name]) & set(changed):
            raise ValueError(f"{name} is in a part that is changed")
        changed |= MISTAKES[name]
    parts |= changed
    rng = random.Random(f"{mistakes} {style} {seed}")
    lines = layer_lines if style == "layers" else apart_lines
    text = lines(parts, rng, loss, rows=style == "rows")
    for name, others in NAMES.items():
        text = re.sub(rf"\b{name}\b", rng.choice(others), text)
    if style != "layers":
        for kind, others in LAYER_NAMES.items():
            other = rng.choice(others)
            if style == "rows" and kind in "Wb":
                continue
            text = re.sub(rf"\b{kind}([12])\b", lambda found, o=other: o.format(found[1]), text)
    return "import numpy as np\n\n\n" + text


def loss_function(loss, rows):
    m = "len(Y)" if rows else "Y.shape[1]"
    value = (
        "np.sum((P - Y) ** 2) / 2" if loss == "squared_error" else "-np.sum(Y * np.log(P + 1e-300))"
    )
    return f"def loss(P, Y):\n    return {value} / {m}"


def apart_lines(parts, rng, loss, rows):
    def layer(part, l):
        said = parts[part] if isinstance(parts[part], str) else parts[part][l - 1]
        text = said.format(l=l, n=l + 1, p=l - 1).replace("A0", "X")
        return turned(text) if rows else text

    scaled = [f"    X = {parts['X']}"] if parts["X"] else []
    taken = [f"    W{l}, b{l} = params['W{l}'], params['b{l}']" for l in (1, 2)] if rows else []
    body = [f"    Z1 = {layer('Z', 1)}", f"    A1 = {layer('A', 1)}"]
    body += [f"    Z2 = {layer('Z', 2)}", f"    A2 = {layer('A_last', 2)}"]
    weights = ["params"] if rows else ["W1", "b1", "W2", "b2"]
    rng.shuffle(order := [*weights, "X"])
    forward = [f"def forward({', '.join(order)}):", *scaled, *taken, *body]
    forward += ["    return Z1, A1, Z2, A2"]
    wanted = [*weights, "X", "Y", "Z1", "A1", "Z2", "A2"]
    rng.shuffle(wanted)
    back = [f"def backward({', '.join(wanted)}):", *scaled, *taken]
    back += [f"    m = {'len(X)' if rows else 'X.shape[1]'}", f"    M = {parts['divisor']}"]
    back += [f"    D = {layer('away', 2)}", f"    dA2 = {layer('dA_last', 2)}"]
    back += [f"    dZ2 = {layer('dZ_last', 2)}"]
    back += [f"    dW2 = {layer('dW', 2)}", f"    db2 = {layer('db', 2)}"]
    back += [f"    dA1 = {layer('dA', 1)}", f"    dZ1 = {layer('dZ', 1)}"]
    back += [f"    dW1 = {layer('dW', 1)}", f"    db1 = {layer('db', 1)}"]
    back += (
        ["    return {'W1': dW1, 'b1': db1, 'W2': dW2, 'b2': db2}"]
        if rows
        else ["    return dW1, db1, dW2, db2"]
    )
    functions = ["\n".join(forward), "\n".join(back), loss_function(loss, rows)]
    rng.shuffle(functions)
    return "\n\n\n".join(functions) + "\n"


def layer_lines(parts, rng, loss, rows):
    def layer(part, l):
        if isinstance(parts[part], tuple):
            first, second = (in_lists(each, l) for each in parts[part])
            return f"{first} if {l} == 0 else {second}"
        return in_lists(parts[part], l)

    def in_lists(said, l):
        text = said.format(l="@l@", n="@n@", p="@p@")
        text = re.sub(r"\bA@p@", f"activations[{l}]", text)
        text = re.sub(r"\bA@([ln])@", lambda f: f"activations[{l} + {1 + (f[1] == 'n')}]", text)
        for kind, kept in (
            ("dW", "dWs"),
            ("db", "dbs"),
            ("W", "weights"),
            ("b", "biases"),
            ("dZ", "deltas"),
            ("dA", "blames"),
            ("Z", "zs"),
        ):
            text = re.sub(
                rf"\b{kind}@([ln])@",
                lambda f, kept=kept: f"{kept}[{l}{' + 1' * (f[1] == 'n')}]",
                text,
            )
        return text

    scaled = [f"    X = {parts['X']}"] if parts["X"] else []
    forward = ["def forward(weights, biases, X):", *scaled, "    zs, activations = [], [X]"]
    forward += ["    for i in range(len(weights)):", f"        zs.append({layer('Z', 'i')})"]
    forward += [
        "        if i < len(weights) - 1:",
        f"            activations.append({layer('A', 'i')})",
    ]
    forward += ["        else:", f"            activations.append({layer('A_last', 'i')})"]
    forward += ["    return zs, activations"]
    back = [
        "def backward(weights, biases, X, Y):",
        "    zs, activations = forward(weights, biases, X)",
    ]
    back += ["    m, last = X.shape[1], len(weights) - 1", f"    M = {parts['divisor']}"]
    back += ["    blames, deltas = [None] * len(weights), [None] * len(weights)"]
    back += ["    dWs, dbs = [None] * len(weights), [None] * len(weights)"]
    back += [f"    D = {layer('away', 'last')}", f"    blames[last] = {layer('dA_last', 'last')}"]
    back += [f"    deltas[last] = {layer('dZ_last', 'last')}"]
    back += ["    for i in reversed(range(len(weights))):", "        if i < last:"]
    back += [
        f"            blames[i] = {layer('dA', 'i')}",
        f"            deltas[i] = {layer('dZ', 'i')}",
    ]
    back += [f"        dWs[i] = {layer('dW', 'i')}", f"        dbs[i] = {layer('db', 'i')}"]
    back += ["    return dWs, dbs"]
    functions = ["\n".join(forward), "\n".join(back), loss_function(loss, rows)]
    rng.shuffle(functions)
    return "\n\n\n".join(functions) + "\n"
