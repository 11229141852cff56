from dataclasses import dataclass, field

import numpy as np


@dataclass
class Layer:
    W: np.ndarray
    b: np.ndarray


@dataclass
class Net:
    hidden: Layer = field(
        default_factory=lambda: Layer(np.random.randn(10, 784) * 0.05, np.zeros((10, 1)))
    )
    out: Layer = field(
        default_factory=lambda: Layer(np.random.randn(10, 10) * 0.3, np.zeros((10, 1)))
    )


def softmax(z):
    e = np.exp(z - z.max(0))
    return e / e.sum(0)


def forward(W1, b1, W2, b2, X):
    net = Net(Layer(W1, b1), Layer(W2, b2))
    z1 = net.hidden.W @ X + net.hidden.b
    a1 = np.clip(z1, 0, None)
    z2 = net.out.W @ a1 + net.out.b
    return z1, a1, z2, softmax(z2)


def backward(W1, b1, W2, b2, X, Y):
    z1, a1, z2, a2 = forward(W1, b1, W2, b2, X)
    m = X.shape[1]
    d2 = (a2 - Y) / m
    d1 = W2.T @ d2
    d1 *= z1 > 0
    return d1 @ X.T, d1.sum(1, keepdims=True), d2 @ a1.T, d2.sum(1, keepdims=True)


def loss(W1, b1, W2, b2, X, Y):
    a2 = forward(W1, b1, W2, b2, X)[-1]
    return -(Y * np.log(a2)).sum() / X.shape[1]
