import numpy as np


def forward(layers, X):
    trace = []
    A = X
    for k, (W, b) in enumerate(layers):
        Z = A @ W.T + b
        trace.append((A, Z))
        if k + 1 < len(layers):
            A = np.maximum(Z, 0)
        else:
            e = np.exp(Z - Z.max(axis=1, keepdims=True))
            A = e / e.sum(axis=1, keepdims=True)
    return A, trace


def loss(P, T):
    return ((P - T) ** 2).sum() / len(T)


def backward(layers, trace, P, T):
    gradients = []
    dP = 2 * (P - T) / len(T)
    dZ = P * (dP - (P * dP).sum(axis=1, keepdims=True))
    for k in range(len(layers) - 1, -1, -1):
        A, Z = trace[k]
        gradients.insert(0, (dZ.T @ A, dZ.sum(axis=0)))
        if k:
            dZ = (dZ @ layers[k][0]) * (trace[k - 1][1] > 0)
    return gradients
