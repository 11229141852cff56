import numpy as np

DT = np.float32


def softmax(z):
    z = z.astype(DT)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def forward(X, W1, b1, W2, b2):
    X, W1, b1, W2, b2 = (np.asarray(v, dtype=DT) for v in (X, W1, b1, W2, b2))
    Z1 = X @ W1 + b1
    A1 = np.maximum(Z1, DT(0))
    Z2 = A1 @ W2 + b2
    return Z1, A1, Z2, softmax(Z2)


def loss(A2, Y):
    return DT(-1) * np.mean(np.sum(Y.astype(DT) * np.log(A2), axis=1))


def backward(X, Y, W1, b1, W2, b2):
    Z1, A1, Z2, A2 = forward(X, W1, b1, W2, b2)
    d = (A2 - Y.astype(DT)) / DT(len(X))
    dW2 = A1.T @ d
    db2 = d.sum(0)
    d = d @ W2.astype(DT).T
    d[Z1 <= 0] = 0
    return X.astype(DT).T @ d, d.sum(0), dW2, db2
