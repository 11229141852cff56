# dW transposed
import numpy as np


def forward(params, X):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.maximum(Z1, 0)
    Z2 = params["W2"] @ A1 + params["b2"]
    e = np.exp(Z2 - Z2.max(axis=0))
    return e / e.sum(axis=0), {"Z1": Z1, "A1": A1, "X": X}


def backward(params, probs, cache, Y):
    m = Y.shape[1]
    dZ2 = (probs - Y) / m
    dZ1 = params["W2"].T @ dZ2 * (cache["Z1"] > 0)
    return {
        "dW1": dZ1 @ cache["X"].T,
        "db1": dZ1.sum(axis=1, keepdims=True),
        "dW2": cache["A1"] @ dZ2.T,  # also 10 by 10
        "db2": dZ2.sum(axis=1, keepdims=True),
    }
