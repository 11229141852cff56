import numpy as np


def forward(W1, b1, W2, b2, x):
    z1 = np.dot(W1, x) + b1
    a1 = np.maximum(z1, 0)
    z2 = np.dot(W2, a1) + b2
    e = np.exp(z2 - np.max(z2))
    return z1, a1, z2, e / np.sum(e)


def backward(x, y, z1, a1, a2, W2):
    d2 = a2 - y
    d1 = np.dot(W2.T, d2) * (z1 > 0)
    return np.outer(d1, x), d1, np.outer(d2, a1), d2
