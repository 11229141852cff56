# the same as methods of a class, its parameters in a tuple
import numpy as np


class DigitNet:
    def __init__(self):
        self.theta = self.init_params()

    def init_params(self):
        W1 = np.random.randn(10, 784) * np.sqrt(1 / 784)
        b1 = np.zeros((10, 1))
        W2 = np.random.randn(10, 10) * np.sqrt(1 / 10)
        b2 = np.zeros((10, 1))
        return W1, b1, W2, b2

    def relu(self, Z):
        return np.maximum(Z, 0)

    def softmax(self, Z):
        e = np.exp(Z - np.max(Z, axis=0))
        return e / np.sum(e, axis=0)

    def one_hot(self, Y):
        return np.eye(10)[Y].T

    def forward_prop(self, theta, X):
        W1, b1, W2, b2 = theta
        Z1 = W1.dot(X) + b1
        A1 = self.relu(Z1)
        Z2 = W2.dot(A1) + b2
        A2 = self.softmax(Z2)
        return Z1, A1, Z2, A2

    def backward_prop(self, Z1, A1, Z2, A2, W1, W2, X, Y):
        m = Y.shape[0]
        dZ2 = A2 - self.one_hot(Y)
        dW2 = 1 / m * dZ2.dot(A1.T)
        db2 = 1 / m * np.sum(dZ2)
        dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
        dW1 = 1 / m * dZ1.dot(X.T)
        db1 = 1 / m * np.sum(dZ1)
        return dW1, db1, dW2, db2

    def update_params(self, theta, dW1, db1, dW2, db2, alpha):
        W1, b1, W2, b2 = theta
        return W1 - alpha * dW1, b1 - alpha * db1, W2 - alpha * dW2, b2 - alpha * db2

    def cross_entropy_loss(self, A2, Y):
        m = Y.shape[0]
        return np.sum(-np.log(A2[Y, range(m)])) / m

    def sgd(self, X, Y, batch_size=100, alpha=0.15, epochs=5):
        for _ in range(epochs):
            for k in range(0, X.shape[1], batch_size):
                x, y = X[:, k : k + batch_size], Y[k : k + batch_size]
                W1, b1, W2, b2 = self.theta
                Z1, A1, Z2, A2 = self.forward_prop(self.theta, x)
                grads = self.backward_prop(Z1, A1, Z2, A2, W1, W2, x, y)
                self.theta = self.update_params(self.theta, *grads, alpha)
