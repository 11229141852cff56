import numpy as np


class MLP:
    def __init__(self, sizes, seed=0):
        rng = np.random.default_rng(seed)
        self.weights = [rng.normal(size=(i, o)) for i, o in zip(sizes, sizes[1:])]
        self.biases = [np.zeros((1, o)) for o in sizes[1:]]

    def forward(self, X):
        self.inputs, self.sums = [], []
        A = X
        for k, (W, b) in enumerate(zip(self.weights, self.biases)):
            self.inputs.append(A)
            Z = A @ W + b
            self.sums.append(Z)
            A = np.maximum(Z, 0) if k < len(self.weights) - 1 else self._softmax(Z)
        self.output = A
        return A

    @staticmethod
    def _softmax(Z):
        e = np.exp(Z - Z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, y_pred, y_true):
        return -(y_true * np.log(y_pred)).sum() / len(y_true)

    def backward(self, y_true):
        delta = (self.output - y_true) / len(y_true)
        dW, db = [], []
        for k in range(len(self.weights) - 1, -1, -1):
            dW.insert(0, self.inputs[k].T @ delta)
            db.insert(0, delta.sum(axis=0, keepdims=True))
            if k:
                delta = (delta @ self.weights[k].T) * (self.sums[k - 1] > 0)
        return dW, db
