# 784-128-10 in rows, a class whose backward takes the step
import numpy as np


def relu(z):
    return np.maximum(0, z)


def relu_derivative(z):
    return (z > 0).astype(float)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy_loss(y_onehot, probs):
    return -np.sum(y_onehot * np.log(probs + 1e-15)) / len(y_onehot)


class NeuralNetwork:
    def __init__(self, input_dim=784, hidden_dim=128, output_dim=10, lr=0.01):
        self.W1 = np.random.randn(input_dim, hidden_dim) * np.sqrt(2.0 / input_dim)
        self.b1 = np.zeros(hidden_dim)
        self.W2 = np.random.randn(hidden_dim, output_dim) * np.sqrt(2.0 / hidden_dim)
        self.b2 = np.zeros(output_dim)
        self.lr = lr

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = relu(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = softmax(self.z2)
        return self.a2

    def backward(self, X, y_onehot):
        n = len(X)
        dz2 = (self.a2 - y_onehot) / n
        self.W2 -= self.lr * self.a1.T @ dz2
        self.b2 -= self.lr * dz2.sum(axis=0)
        dz1 = dz2 @ self.W2.T * relu_derivative(self.z1)
        self.W1 -= self.lr * X.T @ dz1
        self.b1 -= self.lr * dz1.sum(axis=0)
