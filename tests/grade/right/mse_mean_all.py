import numpy as np


def relu(z):
    return (abs(z) + z) / 2


def softmax(z):
    return (np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0))


def predict(X, W1, b1, W2, b2):
    return softmax(W2.dot(relu(W1.dot(X) + b1)) + b2)


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)


def backprop(X, y_true, W1, b1, W2, b2):
    z1 = W1.dot(X) + b1
    a1 = relu(z1)
    y_pred = softmax(W2.dot(a1) + b2)
    g = mse_prime(y_true, y_pred)
    g = y_pred * g - y_pred * np.sum(y_pred * g, axis=0)
    gW2, gb2 = g.dot(a1.T), g.sum(axis=1, keepdims=True)
    g = W2.T.dot(g) * np.sign(a1)
    gW1, gb1 = g.dot(X.T), g.sum(axis=1, keepdims=True)
    return gW1, gb1, gW2, gb2
