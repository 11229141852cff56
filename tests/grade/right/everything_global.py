import numpy as np

W1 = np.random.randn(10, 784) * 0.05
b1 = np.zeros((10, 1))
W2 = np.random.randn(10, 10) * 0.3
b2 = np.zeros((10, 1))
alpha = 0.5


def softmax(Z):
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def forward(X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    return Z1, A1, Z2, softmax(Z2)


def backward(X, Y):
    Z1, A1, Z2, A2 = forward(X)
    m = X.shape[1]
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True), dZ2 @ A1.T, dZ2.sum(axis=1, keepdims=True)


def train_step(X, Y):
    global W1, b1, W2, b2
    dW1, db1, dW2, db2 = backward(X, Y)
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
