import numpy as np

INPUT, HIDDEN, OUTPUT = 28 * 28, 32, 10


def init_params():
    W1 = np.random.uniform(-0.05, 0.05, (HIDDEN, INPUT))
    b1 = np.zeros((HIDDEN, 1))
    W2 = np.random.uniform(-0.2, 0.2, (OUTPUT, HIDDEN))
    b2 = np.zeros((OUTPUT, 1))
    return W1, b1, W2, b2


def forward(W1, b1, W2, b2, X):
    assert W1.shape == (HIDDEN, INPUT)
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(0))
    return Z1, A1, Z2, e / e.sum(0)


def backward(W1, b1, W2, b2, X, Y):
    Z1, A1, Z2, A2 = forward(W1, b1, W2, b2, X)
    m = X.shape[1]
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = np.zeros((HIDDEN, INPUT))
    dW1 += dZ1 @ X.T / m
    db1 = np.zeros((HIDDEN, 1))
    db1[:, 0] = dZ1.sum(1) / m
    return dW1, db1, dZ2 @ A1.T / m, dZ2.sum(1).reshape(OUTPUT, 1) / m


def loss(A2, Y):
    return -np.mean(np.log(np.sum(A2 * Y, axis=0)))
