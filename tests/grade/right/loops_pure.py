import math
import numpy as np


def forward(W1, b1, W2, b2, X):
    m = X.shape[1]
    hidden, classes = len(W1), len(W2)
    Z1 = np.zeros((hidden, m))
    Z2 = np.zeros((classes, m))
    A2 = np.zeros((classes, m))
    for k in range(m):
        for i in range(hidden):
            Z1[i, k] = sum(W1[i, j] * X[j, k] for j in range(len(X))) + b1[i, 0]
        for i in range(classes):
            s = b2[i, 0]
            for j in range(hidden):
                s += W2[i, j] * max(Z1[j, k], 0)
            Z2[i, k] = s
        total = sum(math.exp(z) for z in Z2[:, k])
        for i in range(classes):
            A2[i, k] = math.exp(Z2[i, k]) / total
    A1 = np.maximum(Z1, 0)
    return Z1, A1, Z2, A2


def backward(W2, X, Y, Z1, A1, A2):
    m = X.shape[1]
    dZ2 = np.zeros_like(A2)
    for k in range(m):
        for i in range(len(A2)):
            for j in range(len(A2)):
                dZ2[i, k] += (A2[j, k] - Y[j, k]) / m * A2[j, k] * ((i == j) - A2[i, k])
    dW2 = np.zeros((len(A2), len(A1)))
    db2 = np.zeros((len(A2), 1))
    for k in range(m):
        dW2 += np.outer(dZ2[:, k], A1[:, k])
        db2[:, 0] += dZ2[:, k]
    dZ1 = np.zeros_like(Z1)
    for k in range(m):
        dZ1[:, k] = W2.T @ dZ2[:, k]
        for i in range(len(Z1)):
            if Z1[i, k] <= 0:
                dZ1[i, k] = 0
    dW1 = sum(np.outer(dZ1[:, k], X[:, k]) for k in range(m))
    db1 = dZ1.sum(axis=1).reshape(-1, 1)
    return dW1, db1, dW2, db2
