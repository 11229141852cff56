import numpy as np
from collections import OrderedDict
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = self.dW = self.db = None
    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b
    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out
    def backward(self, dout):
        dout[self.mask] = 0
        return dout
class Net:
    def __init__(self, n=784, h=10, o=10):
        self.layers = OrderedDict()
        self.layers['Affine1'] = Affine(np.random.randn(n, h) * .01, np.zeros(h))
        self.layers['Relu1'] = Relu()
        self.layers['Affine2'] = Affine(np.random.randn(h, o) * .01, np.zeros(o))
    def forward(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return self.y
    def backward(self, t):
        dout = (self.y - t) / t.shape[0]
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        a, b = self.layers['Affine1'], self.layers['Affine2']
        return {'W1': a.dW, 'b1': a.db, 'W2': b.dW, 'b2': b.db}
