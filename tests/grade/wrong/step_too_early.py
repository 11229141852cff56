# weights updated first
import numpy as np


def train_step(W1, b1, W2, b2, X, Y, lr):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    dZ2 = (e / e.sum(axis=0) - Y) / m
    W2 = W2 - lr * dZ2 @ A1.T
    b2 = b2 - lr * dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    W1 = W1 - lr * dZ1 @ X.T
    b1 = b1 - lr * dZ1.sum(axis=1, keepdims=True)
    return W1, b1, W2, b2
