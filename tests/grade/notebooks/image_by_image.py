# one image at a time, all of them vectors
import numpy as np


def relu(x):
    return np.maximum(0, x)


def relu_deriv(x):
    return np.where(x > 0, 1, 0)


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def one_hot(y):
    found = [0] * 10
    found[y] = 1
    return np.array(found)


def forward(w1, b1, w2, b2, x):
    z1 = np.dot(w1, x) + b1
    a1 = relu(z1)
    z2 = np.dot(w2, a1) + b2
    a2 = softmax(z2)
    return z1, a1, z2, a2


def backward(z1, a1, z2, a2, w2, x, y):
    dz2 = a2 - one_hot(y)
    dw2 = np.dot(dz2, a1.T)
    db2 = dz2
    dz1 = np.dot(w2.T, dz2) * relu_deriv(z1)
    dw1 = np.outer(dz1, x)
    db1 = dz1
    return dw1, db1, dw2, db2
