"""The small network, literally: 784 → 10 (ReLU) → 10 (softmax), squared error, descent.

No loops, no options, no tricks. docs/guide/equations.md derives these lines, and the tests compare
the general code with them. They are never optimised.
"""

import numpy as np


def forward(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1                                        # (10, m)
    A1 = np.maximum(Z1, 0)                                  # (10, m)
    Z2 = W2 @ A1 + b2                                       # (10, m)
    A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=0)            # (10, m)
    return Z1, A1, Z2, A2


def loss(A2, Y):
    m = Y.shape[1]
    return np.sum((A2 - Y) ** 2) / (2 * m)


def backward(W2, X, Y, Z1, A1, A2):
    m = X.shape[1]
    dA2 = (A2 - Y) / m                                      # (10, m)
    dZ2 = A2 * (dA2 - np.sum(A2 * dA2, axis=0))             # (10, m)
    dW2 = dZ2 @ A1.T                                        # (10, 10)
    db2 = np.sum(dZ2, axis=1, keepdims=True)                # (10, 1)
    dA1 = W2.T @ dZ2                                        # (10, m)
    dZ1 = dA1 * (Z1 > 0)                                    # (10, m)
    dW1 = dZ1 @ X.T                                         # (10, 784)
    db1 = np.sum(dZ1, axis=1, keepdims=True)                # (10, 1)
    return dW1, db1, dW2, db2


def step(W1, b1, W2, b2, X, Y, alpha):
    Z1, A1, Z2, A2 = forward(W1, b1, W2, b2, X)
    dW1, db1, dW2, db2 = backward(W2, X, Y, Z1, A1, A2)
    return W1 - alpha * dW1, b1 - alpha * db1, W2 - alpha * dW2, b2 - alpha * db2
