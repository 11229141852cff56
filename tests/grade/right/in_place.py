import numpy as np


def forward(W1, b1, W2, b2, X):
    Z1 = np.matmul(W1, X)
    Z1 += b1
    A1 = Z1.copy()
    A1[A1 < 0] = 0
    A2 = np.matmul(W2, A1)
    A2 += b2
    A2 -= A2.max(axis=0)
    np.exp(A2, out=A2)
    A2 /= A2.sum(axis=0)
    return Z1, A1, A2


def backward(W2, X, Y, Z1, A1, A2):
    A2 -= Y
    A2 /= X.shape[1]
    dW2, db2 = A2 @ A1.T, A2.sum(axis=1, keepdims=True)
    A1[:] = W2.T @ A2
    A1[Z1 <= 0] = 0
    return A1 @ X.T, A1.sum(axis=1, keepdims=True), dW2, db2


def update(W1, b1, W2, b2, dW1, db1, dW2, db2, lr):
    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
