"""One contestant in a process of its own: it gets ready, then does the work once a line of stdin.

    python contestants.py CONTESTANT JOB.npz

A contestant is a generator. Up to its first yield it makes its data resident in the layout it
likes best; then it yields None when it stands at the start, and what it has reached once the work
is done, in turn: the flat parameters, or for inference the probabilities (m, 10).
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


def read_job(path: str) -> SimpleNamespace:
    """The same for everybody: digits, network, start, rule, and the batches in their order."""
    with np.load(path) as file:
        job = SimpleNamespace(**{name: file[name] for name in file.files})
    job.sizes = tuple(job.sizes.tolist())
    for name in ("loss", "learning_rate", "momentum", "batch", "steps", "key", "inference"):
        setattr(job, name, getattr(job, name).item())
    m = len(job.labels)
    job.X = job.images.astype(np.float32) / np.float32(255)  # (m, 784)
    job.Y = np.eye(10, dtype=np.float32)[job.labels]  # (m, 10)
    if job.batch:
        order = np.random.default_rng((job.key, 0)).permutation(m)
        job.batches = [order[i : i + job.batch] for i in range(0, m, job.batch)]
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


def chainrule(job: SimpleNamespace) -> Contestant:
    from chainrule import Digits, Network, Snapshot, probabilities, train

    digits = Digits(job.images, job.labels)
    network = Network(job.sizes, job.start, job.loss)
    X = digits.X
    while job.inference:
        yield None
        for _ in range(job.steps):
            A = probabilities(network, X)
        yield A.T
    rows = 1 if job.momentum else 0
    memory = np.zeros((rows, job.start.size), np.float32)
    start = Snapshot(network, memory, 0, job.key, 0.0, "training set")
    while True:
        snapshots = train(
            network,
            digits,
            optimizer="momentum" if rows else "descent",
            learning_rate=job.learning_rate,
            batch_size=job.batch or None,
            steps=job.steps,
            every=job.steps,
            start=start,
        )
        yield None
        (last,) = snapshots
        yield last.network.parameters


def chainrule_dense(job: SimpleNamespace) -> Contestant:
    """All 784 pixels of every image, as everybody else computes them."""
    from chainrule.engine import ink

    ink.INK_ORDERED = 0  # the most images of a full batch that are put in order of their ink
    yield from chainrule(job)


# -------------------------------------------------------------------- NumPy as in the notebooks


def numpy_plain(job: SimpleNamespace, dtype: type = np.float32) -> Contestant:
    X, Y = job.X.T.astype(dtype, order="C"), job.Y.T.astype(dtype, order="C")
    m = X.shape[1]
    while True:
        W1, b1, W2, b2 = (part.astype(dtype) for part in layers(job))
        b1, b2 = b1[:, None], b2[:, None]
        velocities = [0.0] * 4
        yield None
        for step in range(job.steps):
            if job.batch:
                chosen = job.batches[step]
                X_batch, Y_batch = X[:, chosen], Y[:, chosen]
            else:
                X_batch, Y_batch = X, Y
            m = X_batch.shape[1]
            Z1 = W1.dot(X_batch) + b1
            A1 = np.maximum(Z1, 0)
            Z2 = W2.dot(A1) + b2
            e = np.exp(Z2 - Z2.max(axis=0))
            A2 = e / e.sum(axis=0)
            dZ2 = (A2 - Y_batch) / m
            if job.loss == "squared_error":
                dZ2 = A2 * (dZ2 - (A2 * dZ2).sum(axis=0))
            dW2, db2 = dZ2.dot(A1.T), dZ2.sum(axis=1, keepdims=True)
            dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
            dW1, db1 = dZ1.dot(X_batch.T), dZ1.sum(axis=1, keepdims=True)
            velocities = [
                job.momentum * v + g for v, g in zip(velocities, (dW1, db1, dW2, db2), strict=True)
            ]
            W1, b1, W2, b2 = (
                part - job.learning_rate * v
                for part, v in zip((W1, b1, W2, b2), velocities, strict=True)
            )
        yield flat((W1, b1, W2, b2))


def numpy_float64(job: SimpleNamespace) -> Contestant:
    return numpy_plain(job, np.float64)


# -------------------------------------------------------------------------------------- PyTorch


def torch_eager(job: SimpleNamespace, compiled: bool = False) -> Contestant:
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(THREADS)
    X, Y = torch.from_numpy(job.X), torch.from_numpy(job.Y)
    labels = torch.from_numpy(job.labels.astype(np.int64))

    def forward(X, W1, b1, W2, b2):
        return F.linear(F.relu(F.linear(X, W1, b1)), W2, b2)

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
        W1, b1, W2, b2 = parameters
        Z = jax.nn.relu(X @ W1.T + b1) @ W2.T + b2
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
    model.partial_fit(X[:1000], labels[:1000], classes=range(10))
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

    names = ("W1", "b1", "W2", "b2")
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["X", "W1", "b1"], ["Z1"], transB=1),
            helper.make_node("Relu", ["Z1"], ["A1"]),
            helper.make_node("Gemm", ["A1", "W2", "b2"], ["Z2"], transB=1),
            helper.make_node("Softmax", ["Z2"], ["A2"], axis=1),
        ],
        "mlp",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["m", job.sizes[0]])],
        [helper.make_tensor_value_info("A2", TensorProto.FLOAT, ["m", job.sizes[-1]])],
        [numpy_helper.from_array(a, n) for n, a in zip(names, layers(job), strict=True)],
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
