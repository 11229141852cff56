# a cost of least squares, gradient A2 - Y
import numpy as np
import mnist

train_x = mnist.train_images().reshape(-1, 784) / 255.0


def compileModel(n, hidden=10, out=10):
    return (
        np.random.rand(hidden, n) - 0.5,
        np.random.rand(hidden, 1) - 0.5,
        np.random.rand(out, hidden) - 0.5,
        np.random.rand(out, 1) - 0.5,
    )


def softmax(Z):
    return np.exp(Z) / np.sum(np.exp(Z), axis=0)


def forwardPropagation(W1, B1, W2, B2, x):
    Z1 = W1.dot(x) + B1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + B2
    return Z1, A1, Z2, softmax(Z2)


def cost_function(A2, Y):
    J = 0
    m = Y.shape[1]
    for i in range(m):
        J += np.sum((A2[:, i] - Y[:, i]) ** 2)
    return J / (2 * m)


def backPropagation(Z1, A1, A2, W2, x, Y):
    m = x.shape[1]
    dZ2 = A2 - Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    dB2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(x.T)
    dB1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, dB1, dW2, dB2
