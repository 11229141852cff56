import numpy as np

class MLP:
    def __init__(self, n_hidden=10, lr=0.1, momentum=0.9):
        self.lr, self.momentum = lr, momentum
        self.W1, self.b1 = np.random.randn(784, n_hidden) * 0.05, np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, 10) * 0.05, np.zeros(10)
        self.vW1, self.vb1 = np.zeros_like(self.W1), np.zeros_like(self.b1)
        self.vW2, self.vb2 = np.zeros_like(self.W2), np.zeros_like(self.b2)

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.h = np.maximum(self.z1, 0)
        s = self.h @ self.W2 + self.b2
        e = np.exp(s - s.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def train_batch(self, X, y):
        p = self.forward(X)
        p[np.arange(len(y)), y] -= 1
        p /= len(y)
        d = p @ self.W2.T * (self.z1 > 0)
        self.vW2 = self.momentum * self.vW2 + self.h.T @ p
        self.vb2 = self.momentum * self.vb2 + p.sum(axis=0)
        self.vW1 = self.momentum * self.vW1 + X.T @ d
        self.vb1 = self.momentum * self.vb1 + d.sum(axis=0)
        self.W1 -= self.lr * self.vW1
        self.b1 -= self.lr * self.vb1
        self.W2 -= self.lr * self.vW2
        self.b2 -= self.lr * self.vb2
