import numpy as np

SIZES = [784, 128, 64, 10]


def init():
    rng = np.random.default_rng(0)
    Ws = [rng.normal(0, np.sqrt(2 / i), (o, i)) for i, o in zip(SIZES[:-1], SIZES[1:])]
    bs = [np.zeros((o, 1)) for o in SIZES[1:]]
    return Ws, bs


def softmax(z):
    z = z - z.max(axis=0, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=0, keepdims=True)


def forward(Ws, bs, X):
    zs, As = [], [X]
    for i, (W, b) in enumerate(zip(Ws, bs)):
        zs.append(W @ As[-1] + b)
        As.append(softmax(zs[-1]) if i == len(Ws) - 1 else np.maximum(zs[-1], 0))
    return zs, As


def loss(A, Y):
    return -np.sum(Y * np.log(A)) / Y.shape[1]


def backward(Ws, bs, X, Y):
    zs, As = forward(Ws, bs, X)
    m = X.shape[1]
    dWs, dbs = [None] * len(Ws), [None] * len(Ws)
    d = As[-1] - Y
    for i in range(len(Ws) - 1, -1, -1):
        dWs[i] = d @ As[i].T / m
        dbs[i] = d.mean(axis=1, keepdims=True)
        if i > 0:
            d = (Ws[i].T @ d) * (zs[i - 1] > 0)
    return dWs, dbs


def update(Ws, bs, dWs, dbs, lr):
    for i in range(len(Ws)):
        Ws[i] -= lr * dWs[i]
        bs[i] -= lr * dbs[i]
    return Ws, bs
