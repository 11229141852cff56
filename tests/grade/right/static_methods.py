import numpy as np
class MLP:
    @staticmethod
    def softmax(z):
        e = np.exp(z - z.max(axis=0, keepdims=True)); return e / e.sum(axis=0, keepdims=True)
    @staticmethod
    def forward(W1, b1, W2, b2, X):
        Z1 = W1 @ X + b1; A1 = np.maximum(0, Z1); Z2 = W2 @ A1 + b2
        return Z1, A1, Z2, MLP.softmax(Z2)
    @staticmethod
    def backward(W1, b1, W2, b2, X, Y):
        Z1, A1, Z2, A2 = MLP.forward(W1, b1, W2, b2, X)
        m = X.shape[1]
        d2 = (A2 - Y) / m
        d1 = W2.T @ d2 * (Z1 > 0)
        return d1 @ X.T, d1.sum(1, keepdims=True), d2 @ A1.T, d2.sum(1, keepdims=True)
