import numpy as np

SMOOTH = 0.1


def forward(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    A2 = e / e.sum(axis=0)
    return Z1, A1, Z2, A2


def loss(A2, Y):
    T = (1 - SMOOTH) * Y + SMOOTH / len(Y)
    return -np.sum(T * np.log(A2)) / Y.shape[1]


def backward(W2, X, Y, Z1, A1, A2):
    T = (1 - SMOOTH) * Y + SMOOTH / len(Y)
    dZ2 = (A2 - T) / X.shape[1]
    dZ1 = (W2.T @ dZ2) * (Z1 > 0)
    return dZ1 @ X.T, dZ1.sum(1, keepdims=True), dZ2 @ A1.T, dZ2.sum(1, keepdims=True)
