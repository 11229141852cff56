import numpy as np


def forward(params, X):
    z1 = X @ params["W1"] + params["b1"]
    a1 = np.where(z1 > 0, z1, 0.0)
    z2 = a1 @ params["W2"] + params["b2"]
    z2 = z2 - z2.max(axis=1, keepdims=True)
    probs = np.exp(z2)
    probs /= probs.sum(axis=1, keepdims=True)
    cache = {"X": X, "z1": z1, "a1": a1, "probs": probs}
    return probs, cache


def loss(probs, y):
    n = y.shape[0]
    return -np.log(probs[np.arange(n), y]).mean()


def backward(params, cache, y):
    n = y.shape[0]
    dz2 = cache["probs"].copy()
    dz2[np.arange(n), y] -= 1
    dz2 /= n
    grads = {}
    grads["W2"] = cache["a1"].T @ dz2
    grads["b2"] = dz2.sum(axis=0)
    da1 = dz2 @ params["W2"].T
    dz1 = da1 * (cache["z1"] > 0)
    grads["W1"] = cache["X"].T @ dz1
    grads["b1"] = dz1.sum(axis=0)
    return grads


def update(params, grads, lr):
    for key in params:
        params[key] -= lr * grads[key]
    return params
