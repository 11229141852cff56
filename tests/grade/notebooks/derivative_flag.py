# one image at a time, softmax with a flag for its derivative
import numpy as np


class DeepNetwork:
    def __init__(self, sizes, l_rate=0.001):
        self.sizes = sizes
        self.l_rate = l_rate
        self.params = {
            "W1": np.random.randn(sizes[1], sizes[0]) * np.sqrt(1 / sizes[1]),
            "b1": np.zeros(sizes[1]),
            "W2": np.random.randn(sizes[2], sizes[1]) * np.sqrt(1 / sizes[2]),
            "b2": np.zeros(sizes[2]),
        }

    def relu(self, x, derivative=False):
        return (x > 0) * 1.0 if derivative else np.maximum(x, 0)

    def softmax(self, x, derivative=False):
        exps = np.exp(x - x.max())
        s = exps / np.sum(exps)
        return s * (1 - s) if derivative else s

    def forward_pass(self, x_train):
        params = self.params
        params["A0"] = x_train
        params["Z1"] = params["W1"] @ params["A0"] + params["b1"]
        params["A1"] = self.relu(params["Z1"])
        params["Z2"] = params["W2"] @ params["A1"] + params["b2"]
        params["A2"] = self.softmax(params["Z2"])
        return params["A2"]

    def backward_pass(self, y_train, output):
        params = self.params
        grads = {}
        error = (output - y_train) * self.softmax(params["Z2"], derivative=True)
        grads["W2"] = np.outer(error, params["A1"])
        grads["b2"] = error
        error = params["W2"].T @ error * self.relu(params["Z1"], derivative=True)
        grads["W1"] = np.outer(error, params["A0"])
        grads["b1"] = error
        return grads

    def update_network_parameters(self, grads):
        for key, value in grads.items():
            self.params[key] -= self.l_rate * value
