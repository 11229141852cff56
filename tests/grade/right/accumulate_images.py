import numpy as np


def softmax(z):
    z = np.exp(z - z.max())
    return z / z.sum()


def forward(W1, b1, W2, b2, x):
    z1 = W1 @ x + b1
    a1 = np.maximum(z1, 0)
    z2 = W2 @ a1 + b2
    return z1, a1, z2, softmax(z2)


def backward(W1, b1, W2, b2, X, labels):
    """X is (m, 784), a row an image; the gradients of the images are added up."""
    dW1, db1 = np.zeros_like(W1), np.zeros_like(b1)
    dW2, db2 = np.zeros_like(W2), np.zeros_like(b2)
    for x, label in zip(X, labels):
        z1, a1, z2, a2 = forward(W1, b1, W2, b2, x)
        d2 = a2.copy()
        d2[label] -= 1
        d1 = (W2.T @ d2) * (z1 > 0)
        dW2 += np.outer(d2, a1)
        db2 += d2
        dW1 += np.outer(d1, x)
        db1 += d1
    m = len(X)
    return dW1 / m, db1 / m, dW2 / m, db2 / m
