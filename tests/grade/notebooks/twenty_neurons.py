# 784-20-10, and one more value returned by backward_prop
import numpy as np


def init_params():
    W1 = np.random.rand(20, 784) * 2 - 1  # 784 entradas para 20 neuronas
    b1 = np.random.rand(20, 1) * 2 - 1
    W2 = np.random.rand(10, 20) * 2 - 1
    b2 = np.random.rand(10, 1) * 2 - 1
    return W1, b1, W2, b2


def ReLU(Z):
    return np.maximum(Z, 0)


def softmax(Z):
    return np.exp(Z) / sum(np.exp(Z))


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = ReLU(Z1)
    Z2 = W2.dot(A1) + b2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def ReLU_deriv(Z):
    return Z > 0


def one_hot(Y):
    codigo = np.zeros((Y.size, Y.max() + 1))
    codigo[np.arange(Y.size), Y] = 1
    return codigo.T


def backward_prop(Z1, A1, A2, W1, W2, X, Y):
    m = Y.size
    one_hot_Y = one_hot(Y)
    dZ2 = A2 - one_hot_Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2)
    dZ1 = W2.T.dot(dZ2) * ReLU_deriv(Z1)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1)
    return dW1, db1, dW2, db2, one_hot_Y
