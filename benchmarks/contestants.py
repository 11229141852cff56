"""One contestant in a process of its own: it gets ready, then does the work once a line of stdin.

    python contestants.py CONTESTANT JOB.npz

A contestant is a generator. Up to its first yield it makes its data resident in the layout it
likes best; then it yields None when it stands at the start, and what it has reached once the work
is done, in turn: the flat parameters, or for inference the probabilities (m, classes).
Only the work between the two yields is timed.
"""

import json
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

THREADS = 2
Contestant = Iterator[np.ndarray | None]
SETTINGS = (
    "loss", "learning_rate", "momentum", "batch", "steps", "key", "inference", "before",
)  # fmt: skip


def read_job(path: str) -> SimpleNamespace:
    """The same for everybody: examples, network, start, rule, and the batches in their order."""
    with np.load(path) as file:
        job = SimpleNamespace(**{name: file[name] for name in file.files})
    job.sizes = tuple(job.sizes.tolist())
    for name in SETTINGS:
        setattr(job, name, getattr(job, name).item())
    m = len(job.labels)
    job.table = job.examples.dtype == np.float32  # else the bytes of digits
    job.X = job.examples if job.table else job.examples.astype(np.float32) / np.float32(255)
    job.Y = np.eye(job.sizes[-1], dtype=np.float32)[job.labels]  # (m, classes)
    if job.batch:
        order = np.random.default_rng((job.key, 0)).permutation(m)
        job.batches = [order[i : i + job.batch] for i in range(0, m, job.batch)][: job.steps]
    return job


def layers(job: SimpleNamespace) -> list[np.ndarray]:
    """W1, b1, W2, b2, … of the start as copies: (units, inputs) and (units,)."""
    parts, place = [], 0
    for inputs, units in pairwise(job.sizes):
        for shape in ((units, inputs), (units,)):
            size = int(np.prod(shape))
            parts.append(job.start[place : place + size].reshape(shape).copy())
            place += size
    return parts


def flat(parts) -> np.ndarray:
    return np.concatenate([np.asarray(part).ravel() for part in parts])


# ------------------------------------------------------------------------------------ chainrule


def chainrule(job: SimpleNamespace, **engine: str) -> Contestant:
    """By an engine of this name; a checkout from before there was a choice is given no name."""
    from chainrule import Digits, Network, Snapshot, Table, probabilities, train

    kind = Table if job.table else Digits
    examples = kind(job.X.T if job.table else job.examples, job.labels)
    network = Network(job.sizes, job.start, job.loss)
    X = examples.X
    while job.inference:
        yield None
        for _ in range(job.steps):
            A = probabilities(network, X, **engine)
        yield A.T
    rows = 1 if job.momentum else 0
    memory = np.zeros((rows, job.start.size), np.float32)
    start = Snapshot(network, memory, 0, job.key, 0.0, "training set")
    while True:
        snapshots = train(
            network,
            examples,
            optimizer="momentum" if rows else "descent",
            learning_rate=job.learning_rate,
            batch_size=job.batch or None,
            steps=job.steps,
            every=job.steps,
            start=start,
            threads=THREADS,
            **engine,
        )
        yield None
        (last,) = snapshots
        yield last.network.parameters


def chainrule_compiled(job: SimpleNamespace) -> Contestant:
    return chainrule(job, engine="compiled")


def chainrule_numpy(job: SimpleNamespace) -> Contestant:
    return chainrule(job, engine="numpy")


def chainrule_numpy_dense(job: SimpleNamespace) -> Contestant:
    """All 784 pixels of every image, as everybody else computes them."""
    from chainrule.engine import ink

    ink.INK_ORDERED = 0  # the most images of a full batch that are put in order of their ink
    return chainrule_numpy(job)


def chainrule_before(job: SimpleNamespace) -> Contestant:
    """The NumPy engine of another checkout, from before there was a choice."""
    sys.path.insert(0, f"{job.before}/src")
    return chainrule(job)


# ------------------------------------------------------------------- what no dense work can beat


def dense_limit(job: SimpleNamespace) -> Contestant:
    """One plain product of matrices a step, with as many flops as the dense step has."""
    pairs = list(pairwise(job.sizes))
    m = len(job.labels)
    products = 3 * sum(a * b for a, b in pairs) - pairs[0][0] * pairs[0][1]  # without dA[0]
    A = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    B = np.random.default_rng(1).random((1024, round(products * m / 1024**2)), dtype=np.float32)
    while True:
        yield None
        for _ in range(job.steps):
            A @ B
        yield np.zeros(0, np.float32)


# -------------------------------------------------------------------- NumPy as in the notebooks


def numpy_plain(job: SimpleNamespace, dtype: type = np.float32) -> Contestant:
    X, Y = job.X.T.astype(dtype, order="C"), job.Y.T.astype(dtype, order="C")
    L = len(job.sizes) - 1
    while True:
        parts = [part.astype(dtype) for part in layers(job)]
        W, b = parts[::2], [part[:, None] for part in parts[1::2]]
        V, v = [0.0] * L, [0.0] * L  # velocities
        yield None
        for step in range(job.steps):
            if job.batch:
                chosen = job.batches[step]
                X_batch, Y_batch = X[:, chosen], Y[:, chosen]
            else:
                X_batch, Y_batch = X, Y
            A = [X_batch]
            for l in range(L - 1):
                A.append(np.maximum(W[l].dot(A[l]) + b[l], 0))
            Z = W[-1].dot(A[-1]) + b[-1]
            e = np.exp(Z - Z.max(axis=0))
            P = e / e.sum(axis=0)
            dZ = (P - Y_batch) / X_batch.shape[1]
            if job.loss == "squared_error":
                dZ = P * (dZ - (P * dZ).sum(axis=0))
            for l in reversed(range(L)):
                dW, db = dZ.dot(A[l].T), dZ.sum(axis=1, keepdims=True)
                if l > 0:
                    dZ = W[l].T.dot(dZ) * (A[l] > 0)
                V[l], v[l] = job.momentum * V[l] + dW, job.momentum * v[l] + db
                W[l], b[l] = W[l] - job.learning_rate * V[l], b[l] - job.learning_rate * v[l]
        yield flat(part for pair in zip(W, b, strict=True) for part in pair)


def numpy_float64(job: SimpleNamespace) -> Contestant:
    return numpy_plain(job, np.float64)


# -------------------------------------------------------------------------------------- PyTorch


def torch_eager(job: SimpleNamespace, compiled: bool = False) -> Contestant:
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(THREADS)
    X, Y = torch.from_numpy(job.X), torch.from_numpy(job.Y)
    labels = torch.from_numpy(job.labels.astype(np.int64))

    def forward(X, *parameters):
        for l in range(0, len(parameters), 2):
            X = F.linear(X if l == 0 else F.relu(X), *parameters[l : l + 2])
        return X

    def loss(X, Y, labels, *parameters):
        Z = forward(X, *parameters)
        if job.loss == "cross_entropy":
            return F.cross_entropy(Z, labels)
        return ((F.softmax(Z, dim=1) - Y) ** 2).sum() / (2 * len(X))

    if compiled:
        loss = torch.compile(loss)
    while job.inference:
        parameters = [torch.from_numpy(part) for part in layers(job)]
        with torch.inference_mode():
            yield None
            for _ in range(job.steps):
                A = F.softmax(forward(X, *parameters), dim=1)
            yield A.numpy()
    batches = [torch.from_numpy(batch) for batch in job.batches] if job.batch else None
    while True:
        parameters = [torch.from_numpy(part).requires_grad_() for part in layers(job)]
        rule = torch.optim.SGD(parameters, lr=job.learning_rate, momentum=job.momentum, fused=True)
        yield None
        for step in range(job.steps):
            rule.zero_grad(set_to_none=True)
            if batches:
                chosen = batches[step]
                E = loss(X[chosen], Y[chosen], labels[chosen], *parameters)
            else:
                E = loss(X, Y, labels, *parameters)
            E.backward()
            rule.step()
        yield flat(part.detach().numpy() for part in parameters)


def torch_compiled(job: SimpleNamespace) -> Contestant:
    return torch_eager(job, compiled=True)


# ------------------------------------------------------------------------------------------ JAX


def jax_jitted(job: SimpleNamespace, scan: bool = False) -> Contestant:
    import jax
    import jax.numpy as jnp

    X, Y = jnp.asarray(job.X), jnp.asarray(job.Y)

    def loss(parameters, X, Y):
        Z = X
        for l in range(0, len(parameters), 2):
            Z = (Z if l == 0 else jax.nn.relu(Z)) @ parameters[l].T + parameters[l + 1]
        if job.loss == "cross_entropy":
            return -(Y * jax.nn.log_softmax(Z)).sum() / len(X)
        return ((jax.nn.softmax(Z) - Y) ** 2).sum() / (2 * len(X))

    def update(state, X, Y):
        parameters, velocities = state
        gradient = jax.grad(loss)(parameters, X, Y)
        velocities = [job.momentum * v + g for v, g in zip(velocities, gradient, strict=True)]
        moved = [p - job.learning_rate * v for p, v in zip(parameters, velocities, strict=True)]
        return moved, velocities

    full = jax.jit(update)

    @jax.jit
    def one(state, X, Y, chosen):
        return update(state, X[chosen], Y[chosen])

    @jax.jit
    def epoch(state, X, Y, chosen):  # one compiled loop over the batches of one size
        return jax.lax.scan(lambda s, c: (update(s, X[c], Y[c]), None), state, chosen)[0]

    if job.batch and not scan:
        batches = [jnp.asarray(batch) for batch in job.batches]
    elif job.batch:
        whole = [batch for batch in job.batches if len(batch) == job.batch]
        rest = job.batches[len(whole) :]
        whole = jnp.asarray(np.array(whole))
        rest = jnp.asarray(np.array(rest)) if rest else None
    while True:
        parameters = [jnp.asarray(part) for part in layers(job)]
        state = parameters, [jnp.zeros_like(part) for part in parameters]
        yield None
        if job.batch and not scan:
            for batch in batches:
                state = one(state, X, Y, batch)
        elif job.batch:
            state = epoch(state, X, Y, whole)
            if rest is not None:
                state = epoch(state, X, Y, rest)
        else:
            for _ in range(job.steps):
                state = full(state, X, Y)
        jax.block_until_ready(state)
        yield flat(state[0])


def jax_scan(job: SimpleNamespace) -> Contestant:
    return jax_jitted(job, scan=True)


# --------------------------------------------------------------------------------- scikit-learn


def sklearn_mlp(job: SimpleNamespace) -> Contestant:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        job.sizes[1:-1],
        solver="sgd",
        alpha=0,
        batch_size=job.batch or "auto",
        learning_rate_init=job.learning_rate or 0.1,
        momentum=job.momentum,
        nesterovs_momentum=False,
        shuffle=False,
    )
    order = np.concatenate(job.batches) if job.batch else slice(None)
    X, labels = job.X[order], job.labels[order]
    model.partial_fit(X[:1000], labels[:1000], classes=range(job.sizes[-1]))
    while True:
        parts = layers(job)
        for place, (W, b) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
            model.coefs_[place][:] = W.T
            model.intercepts_[place][:] = b
        if hasattr(model, "_optimizer"):
            del model._optimizer  # or its velocities would go on from the last run
        yield None
        if job.inference:
            for _ in range(job.steps):
                A = model.predict_proba(X)
            yield A
        else:
            model.partial_fit(X, labels)
            pairs = zip(model.coefs_, model.intercepts_, strict=True)
            yield flat(part for W, b in pairs for part in (W.T, b))


# --------------------------------------------------------------------------------- ONNX Runtime


def onnx_runtime(job: SimpleNamespace) -> Contestant:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    L = len(job.sizes) - 1
    weights = [numpy_helper.from_array(a, f"p{k}") for k, a in enumerate(layers(job))]
    nodes = []
    for l in range(L):
        inputs = ["X" if l == 0 else f"A{l}", f"p{2 * l}", f"p{2 * l + 1}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"Z{l + 1}"], transB=1))
        if l < L - 1:
            nodes.append(helper.make_node("Relu", [f"Z{l + 1}"], [f"A{l + 1}"]))
    nodes.append(helper.make_node("Softmax", [f"Z{L}"], ["A"], axis=1))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["m", job.sizes[0]])],
        [helper.make_tensor_value_info("A", TensorProto.FLOAT, ["m", job.sizes[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    while True:
        yield None
        for _ in range(job.steps):
            (A,) = session.run(None, {"X": job.X})
        yield A


def main() -> None:
    name, path = sys.argv[1:]
    contestant = globals()[name](read_job(path))
    for _ in sys.stdin:
        next(contestant)
        began = time.perf_counter()
        reached = next(contestant)
        seconds = time.perf_counter() - began
        np.save(path + "." + name + ".npy", reached)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
