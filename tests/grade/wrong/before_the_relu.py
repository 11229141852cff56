# Z for A
import numpy as np


class Net:
    def __init__(self):
        self.W1, self.b1 = np.random.randn(784, 10) * 0.05, np.zeros(10)
        self.W2, self.b2 = np.random.randn(10, 10) * 0.3, np.zeros(10)

    def forward(self, X):
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = np.maximum(self.Z1, 0)
        Z2 = self.A1 @ self.W2 + self.b2
        e = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
        self.A2 = e / e.sum(axis=1, keepdims=True)
        return self.A2

    def backward(self, X, Y):
        d2 = (self.A2 - Y) / len(X)
        d1 = d2 @ self.W2.T * (self.Z1 > 0)
        return {
            "W1": X.T @ d1,
            "b1": d1.sum(axis=0),
            "W2": self.Z1.T @ d2,
            "b2": d2.sum(axis=0),
        }
