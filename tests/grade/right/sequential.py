import numpy as np

class Linear:
    def __init__(self, n_in, n_out):
        self.weight = np.random.randn(n_out, n_in) * 0.1
        self.bias = np.zeros((n_out, 1))
    def __call__(self, x):
        self.x = x
        return self.weight @ x + self.bias
    def backward(self, grad):
        self.weight_grad = grad @ self.x.T
        self.bias_grad = grad.sum(axis=1, keepdims=True)
        return self.weight.T @ grad

class Relu:
    def __call__(self, x):
        self.on = x > 0
        return x * self.on
    def backward(self, grad):
        return grad * self.on

class Model:
    def __init__(self):
        self.fc1 = Linear(784, 10)
        self.act = Relu()
        self.fc2 = Linear(10, 10)
    def forward(self, x):
        z = self.fc2(self.act(self.fc1(x)))
        e = np.exp(z - z.max(axis=0))
        self.p = e / e.sum(axis=0)
        return self.p
    def backward(self, y):
        g = (self.p - y) / y.shape[1]
        self.fc1.backward(self.act.backward(self.fc2.backward(g)))
    def step(self, lr):
        for layer in (self.fc1, self.fc2):
            layer.weight -= lr * layer.weight_grad
            layer.bias -= lr * layer.bias_grad
