import numpy as np


def softmax(Z):
    e = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def forward(params, X):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.maximum(0, Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = softmax(Z2)
    return A2, (Z1, A1, Z2, A2)


def compute_cost(A2, Y, params, lambd=0.7):
    m = Y.shape[1]
    cross = -np.sum(Y * np.log(A2)) / m
    l2 = lambd / (2 * m) * (np.sum(np.square(params["W1"])) + np.sum(np.square(params["W2"])))
    return cross + l2


def backward(X, Y, params, cache, lambd=0.7):
    m = X.shape[1]
    Z1, A1, Z2, A2 = cache
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m + lambd / m * params["W2"]
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = params["W2"].T @ dZ2 * (Z1 > 0)
    dW1 = dZ1 @ X.T / m + lambd / m * params["W1"]
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
