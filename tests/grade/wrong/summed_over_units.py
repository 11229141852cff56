# wrong: db1 db2
import numpy as np


def backward(W1, b1, W2, b2, X, Y):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    dZ2 = (e / e.sum(axis=0) - Y) / X.shape[1]
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return dZ1 @ X.T, dZ1.sum(axis=0), dZ2 @ A1.T, dZ2.sum(axis=0)
