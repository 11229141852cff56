import gzip
import os
import sys

import matplotlib.pyplot as plt
import numpy as np


def load_images(path):
    with gzip.open(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784) / 255


def load_labels(path):
    with gzip.open(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=8)


def relu(x):
    return np.maximum(x, 0)


def relu_grad(x):
    return np.where(x > 0, 1.0, 0.0)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def onehot(y, k=10):
    return np.eye(k)[y]


def forward(params, x):
    w1, b1, w2, b2 = params
    z1 = x @ w1 + b1
    h1 = relu(z1)
    z2 = h1 @ w2 + b2
    return z1, h1, z2, softmax(z2)


def cross_entropy(p, y):
    return -np.log(p[np.arange(len(y)), y] + 1e-9).mean()


def backward(params, x, y):
    w1, b1, w2, b2 = params
    z1, h1, z2, p = forward(params, x)
    n = len(x)
    dz2 = (p - onehot(y)) / n
    dw2 = h1.T @ dz2
    db2 = dz2.sum(axis=0)
    dz1 = dz2 @ w2.T * relu_grad(z1)
    dw1 = x.T @ dz1
    db1 = dz1.sum(axis=0)
    return [dw1, db1, dw2, db2]


def sgd_step(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "data"
    x = load_images(os.path.join(folder, "train-images-idx3-ubyte.gz"))
    y = load_labels(os.path.join(folder, "train-labels-idx1-ubyte.gz"))
    rng = np.random.default_rng(0)
    params = [rng.normal(0, 0.05, (784, 10)), np.zeros(10), rng.normal(0, 0.3, (10, 10)), np.zeros(10)]
    losses = []
    for epoch in range(10):
        for i in range(0, len(x), 64):
            params = sgd_step(params, backward(params, x[i : i + 64], y[i : i + 64]), 0.1)
        losses.append(cross_entropy(forward(params, x)[-1], y))
        print(epoch, losses[-1])
    plt.plot(losses)
    plt.show()


if __name__ == "__main__":
    main()
