import numpy as np

LAMBDA = 0.01


def forward(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    return Z1, A1, Z2, e / e.sum(axis=0)


def loss(W1, b1, W2, b2, X, Y):
    A2 = forward(W1, b1, W2, b2, X)[3]
    data = -np.sum(Y * np.log(A2)) / X.shape[1]
    return data + LAMBDA / 2 * (np.sum(W1**2) + np.sum(W2**2))


def backward(W1, b1, W2, b2, X, Y):
    Z1, A1, Z2, A2 = forward(W1, b1, W2, b2, X)
    m = X.shape[1]
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = dZ1 @ X.T + LAMBDA * W1
    dW2 = dZ2 @ A1.T + LAMBDA * W2
    return dW1, dZ1.sum(1, keepdims=True), dW2, dZ2.sum(1, keepdims=True)
