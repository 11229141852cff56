import numpy as np

def forward(X, W1, b1, W2, b2):
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(0, Z1)
    Z2 = np.dot(W2, A1) + b2
    t = np.exp(Z2 - np.max(Z2, axis=0, keepdims=True))
    A2 = t / np.sum(t, axis=0, keepdims=True)
    cache = (X, Z1, A1, W1, b1, Z2, A2, W2, b2)
    return A2, cache

def backward(Y, cache):
    X, Z1, A1, W1, b1, Z2, A2, W2, b2 = cache
    m = Y.shape[1]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
