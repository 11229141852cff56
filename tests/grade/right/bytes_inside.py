import numpy as np

def forward(W1, b1, W2, b2, images):
    X = images / 255.0
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    return Z1, A1, Z2, e / e.sum(axis=0)

def backward(W1, b1, W2, b2, images, Y):
    X = images / 255.0
    Z1, A1, Z2, A2 = forward(W1, b1, W2, b2, images)
    m = X.shape[1]
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    return dZ1 @ X.T, dZ1.sum(1, keepdims=True), dZ2 @ A1.T, dZ2.sum(1, keepdims=True)
