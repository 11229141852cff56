# columns from a table of pixels, a function for each thing, a global m
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

table = np.array(pd.read_csv("/kaggle/input/digit-recognizer/train.csv"))
m, n = table.shape
np.random.shuffle(table)
held_back = table[:1000].T
Y_dev, X_dev = held_back[0], held_back[1:n] / 255.0
used = table[1000:].T
Y_train, X_train = used[0], used[1:n] / 255.0


def init_params():
    return (
        np.random.rand(10, 784) - 0.5,
        np.random.rand(10, 1) - 0.5,
        np.random.rand(10, 10) - 0.5,
        np.random.rand(10, 1) - 0.5,
    )


def ReLU(Z):
    return np.maximum(Z, 0)


def ReLU_deriv(Z):
    return Z > 0


def softmax(Z):
    return np.exp(Z) / sum(np.exp(Z))


def one_hot(Y):
    table = np.zeros((Y.size, Y.max() + 1))
    table[np.arange(Y.size), Y] = 1
    return table.T


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = ReLU(Z1)
    Z2 = W2.dot(A1) + b2
    return Z1, A1, Z2, softmax(Z2)


def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    dZ2 = A2 - one_hot(Y)
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2)
    dZ1 = W2.T.dot(dZ2) * ReLU_deriv(Z1)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1)
    return dW1, db1, dW2, db2


def update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha):
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
    return W1, b1, W2, b2


def get_accuracy(A2, Y):
    return np.sum(np.argmax(A2, 0) == Y) / Y.size


def gradient_descent(X, Y, alpha, iterations):
    W1, b1, W2, b2 = init_params()
    for i in range(iterations):
        Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
        dW1, db1, dW2, db2 = backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y)
        W1, b1, W2, b2 = update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha)
        if i % 10 == 0:
            print(i, get_accuracy(A2, Y))
    return W1, b1, W2, b2


W1, b1, W2, b2 = gradient_descent(X_train, Y_train, 0.10, 500)
