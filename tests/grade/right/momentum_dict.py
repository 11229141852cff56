import numpy as np


def init_velocity(params):
    return {k: np.zeros_like(v) for k, v in params.items()}


def update(params, grads, velocity, lr=0.1, beta=0.9):
    for k in params:
        velocity[k] = beta * velocity[k] + grads[k]
        params[k] = params[k] - lr * velocity[k]
    return params, velocity


def forward(params, X):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.maximum(Z1, 0)
    Z2 = params["W2"] @ A1 + params["b2"]
    e = np.exp(Z2 - Z2.max(axis=0))
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": e / e.sum(axis=0)}


def backward(params, X, Y):
    t = forward(params, X)
    m = X.shape[1]
    dZ2 = (t["A2"] - Y) / m
    dZ1 = params["W2"].T @ dZ2 * (t["Z1"] > 0)
    return {
        "W1": dZ1 @ X.T,
        "b1": dZ1.sum(axis=1, keepdims=True),
        "W2": dZ2 @ t["A1"].T,
        "b2": dZ2.sum(axis=1, keepdims=True),
    }
