import numpy as np


class Perceptron:
    """Everything is an attribute; the methods return nothing."""

    def __init__(self):
        self.W1 = np.random.rand(10, 784) - 0.5
        self.b1 = np.random.rand(10, 1) - 0.5
        self.W2 = np.random.rand(10, 10) - 0.5
        self.b2 = np.random.rand(10, 1) - 0.5

    def forward(self, X):
        self.X = X
        self.Z1 = self.W1.dot(X) + self.b1
        self.A1 = np.maximum(self.Z1, 0)
        self.Z2 = self.W2.dot(self.A1) + self.b2
        e = np.exp(self.Z2 - np.max(self.Z2, axis=0))
        self.A2 = e / e.sum(axis=0)

    def backward(self, Y):
        m = self.X.shape[1]
        dZ2 = self.A2 - Y
        self.dW2 = dZ2.dot(self.A1.T) / m
        self.db2 = dZ2.sum(axis=1, keepdims=True) / m
        dZ1 = self.W2.T.dot(dZ2) * (self.Z1 > 0)
        self.dW1 = dZ1.dot(self.X.T) / m
        self.db1 = dZ1.sum(axis=1, keepdims=True) / m

    def update(self, lr):
        self.W1 -= lr * self.dW1
        self.b1 -= lr * self.db1
        self.W2 -= lr * self.dW2
        self.b2 -= lr * self.db2
