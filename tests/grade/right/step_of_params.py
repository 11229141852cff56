import numpy as np


def train_step(params, X, y, lr):
    z1 = X @ params["w1"] + params["b1"]
    h = np.maximum(z1, 0)
    z2 = h @ params["w2"] + params["b2"]
    p = np.exp(z2 - z2.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    n = len(X)
    cost = -np.log(p[np.arange(n), y]).mean()
    p[np.arange(n), y] -= 1
    d1 = (p @ params["w2"].T) * (z1 > 0)
    new = {
        "w2": params["w2"] - lr * h.T @ p / n,
        "b2": params["b2"] - lr * p.sum(axis=0) / n,
        "w1": params["w1"] - lr * X.T @ d1 / n,
        "b1": params["b1"] - lr * d1.sum(axis=0) / n,
    }
    return new, cost
