"""All parameters in one long vector, as an optimiser from outside wants them."""

import numpy as np

SHAPES = [(10, 784), (10, 1), (10, 10), (10, 1)]


def unpack(theta):
    parts, at = [], 0
    for rows, columns in SHAPES:
        parts.append(theta[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns
    return parts


def softmax(Z):
    e = np.exp(Z - Z.max(0))
    return e / e.sum(0)


def loss(theta, X, Y):
    W1, b1, W2, b2 = unpack(theta)
    A2 = softmax(W2 @ np.maximum(W1 @ X + b1, 0) + b2)
    return ((A2 - Y) ** 2).sum() / (2 * X.shape[1])


def gradient(theta, X, Y):
    W1, b1, W2, b2 = unpack(theta)
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    A2 = softmax(W2 @ A1 + b2)
    dA2 = (A2 - Y) / X.shape[1]
    dZ2 = A2 * (dA2 - (A2 * dA2).sum(0))
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return np.concatenate([
        (dZ1 @ X.T).ravel(), dZ1.sum(1), (dZ2 @ A1.T).ravel(), dZ2.sum(1)
    ])
