"""The arrays are changed where they stand; nothing is returned."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def update(params, grads, lr):
    for name, value in params.items():
        value -= lr * grads[name]


def train_step(params, X, y, lr):
    n = X.shape[0]
    Z1 = X @ params["W1"] + params["b1"]
    A1 = np.maximum(Z1, 0)
    A2 = softmax(A1 @ params["W2"] + params["b2"])
    d = A2
    d[np.arange(n), y] -= 1
    d /= n
    grads = {"W2": A1.T @ d, "b2": d.sum(axis=0)}
    d = d @ params["W2"].T
    d[Z1 <= 0] = 0
    grads["W1"] = X.T @ d
    grads["b1"] = d.sum(axis=0)
    update(params, grads, lr)
