import numpy as np


class NeuralNet:
    def __init__(self, input_dim=784, hidden_dim=10, output_dim=10, lr=0.1):
        self.lr = lr
        self.weights_ih = np.random.randn(input_dim, hidden_dim) * 0.05
        self.bias_h = np.zeros((1, hidden_dim))
        self.weights_ho = np.random.randn(hidden_dim, output_dim) * 0.05
        self.bias_o = np.zeros((1, output_dim))

    @staticmethod
    def relu(x):
        return np.maximum(0, x)

    @staticmethod
    def relu_derivative(x):
        return (x > 0).astype(float)

    @staticmethod
    def softmax(x):
        e = np.exp(x - np.max(x, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    def forward(self, x):
        self.h_in = x @ self.weights_ih + self.bias_h
        self.h_out = self.relu(self.h_in)
        self.o_in = self.h_out @ self.weights_ho + self.bias_o
        self.o_out = self.softmax(self.o_in)
        return self.o_out

    def train_step(self, x, y):
        n = x.shape[0]
        out = self.forward(x)
        d_o = (out - y) / n
        d_h = d_o @ self.weights_ho.T * self.relu_derivative(self.h_in)
        self.weights_ho -= self.lr * self.h_out.T @ d_o
        self.bias_o -= self.lr * d_o.sum(axis=0, keepdims=True)
        self.weights_ih -= self.lr * x.T @ d_h
        self.bias_h -= self.lr * d_h.sum(axis=0, keepdims=True)
        return -np.mean(np.sum(y * np.log(out + 1e-12), axis=1))
