# the same with 2(A2 - Y), and sums over axis 1
import numpy as np
from keras.datasets import mnist

(X_train, Y_train), (X_test, Y_test) = mnist.load_data()
SCALE_FACTOR = 255
X_train = X_train.reshape(X_train.shape[0], 784).T / SCALE_FACTOR


def init_params(size=784):
    W1 = np.random.rand(10, size) - 0.5
    b1 = np.random.rand(10, 1) - 0.5
    W2 = np.random.rand(10, 10) - 0.5
    b2 = np.random.rand(10, 1) - 0.5
    return W1, b1, W2, b2


def softmax(Z):
    e = np.exp(Z - np.max(Z))
    return e / e.sum(axis=0)


def forward_propagation(X, W1, b1, W2, b2):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(0, Z1)
    Z2 = W2.dot(A1) + b2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def one_hot(Y):
    found = np.zeros((Y.max() + 1, Y.size))
    found[Y, np.arange(Y.size)] = 1
    return found


def backward_propagation(X, Y, A1, A2, W2, Z1, m):
    dZ2 = 2 * (A2 - one_hot(Y))
    dW2 = 1 / m * (dZ2.dot(A1.T))
    db2 = 1 / m * np.sum(dZ2, 1)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * (dZ1.dot(X.T))
    db1 = 1 / m * np.sum(dZ1, 1)
    return dW1, db1, dW2, db2


def update_params(alpha, W1, b1, W2, b2, dW1, db1, dW2, db2):
    W1 -= alpha * dW1
    b1 -= alpha * np.reshape(db1, (10, 1))
    W2 -= alpha * dW2
    b2 -= alpha * np.reshape(db2, (10, 1))
    return W1, b1, W2, b2


def cost(A2, Y):
    return -np.sum(one_hot(Y) * np.log(A2)) / Y.size
