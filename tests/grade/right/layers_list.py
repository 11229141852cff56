import numpy as np


def relu(z):
    return z * (z > 0)


def softmax(z):
    e = np.exp(z - np.max(z, axis=0))
    return e / e.sum(axis=0)


def forward(weights, biases, x):
    activations = [x]
    zs = []
    for i, (w, b) in enumerate(zip(weights, biases)):
        z = w @ activations[-1] + b
        zs.append(z)
        activations.append(softmax(z) if i == len(weights) - 1 else relu(z))
    return zs, activations


def loss(output, target):
    return 0.5 * np.sum((output - target) ** 2) / target.shape[1]


def backward(weights, biases, x, target):
    zs, activations = forward(weights, biases, x)
    m = x.shape[1]
    a = activations[-1]
    g = (a - target) / m
    delta = a * (g - (a * g).sum(axis=0))
    nabla_w = [None] * len(weights)
    nabla_b = [None] * len(weights)
    for i in reversed(range(len(weights))):
        nabla_w[i] = delta @ activations[i].T
        nabla_b[i] = delta.sum(axis=1, keepdims=True)
        if i > 0:
            delta = (weights[i].T @ delta) * (zs[i - 1] > 0)
    return nabla_w, nabla_b
