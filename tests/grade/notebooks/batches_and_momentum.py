# 784-64-10 in rows, batches and momentum
import numpy as np

hidden_size = 64
beta = 0.9


def initialize(n_in=784, n_out=10):
    rng = np.random.default_rng(1)
    return {
        "W1": rng.normal(0, np.sqrt(2 / n_in), (n_in, hidden_size)),
        "b1": np.zeros((1, hidden_size)),
        "W2": rng.normal(0, np.sqrt(2 / hidden_size), (hidden_size, n_out)),
        "b2": np.zeros((1, n_out)),
    }


def forward(x, model):
    z1 = x @ model["W1"] + model["b1"]
    a1 = np.maximum(z1, 0)
    z2 = a1 @ model["W2"] + model["b2"]
    e = np.exp(z2 - z2.max(axis=1, keepdims=True))
    return {"z1": z1, "a1": a1, "z2": z2, "probs": e / e.sum(axis=1, keepdims=True)}


def loss(probs, labels):
    return -np.mean(np.log(probs[np.arange(len(labels)), labels]))


def backward(x, labels, model, cache):
    n = x.shape[0]
    delta2 = cache["probs"].copy()
    delta2[np.arange(n), labels] -= 1
    delta2 /= n
    delta1 = delta2 @ model["W2"].T * (cache["z1"] > 0)
    return {
        "W1": x.T @ delta1,
        "b1": delta1.sum(axis=0, keepdims=True),
        "W2": cache["a1"].T @ delta2,
        "b2": delta2.sum(axis=0, keepdims=True),
    }


def update(model, grads, velocity, lr):
    for key in model:
        velocity[key] = velocity[key] - lr * grads[key]
        model[key] = model[key] + velocity[key]
    return model, velocity
