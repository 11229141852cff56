# images reshaped, not transposed
import numpy as np


def forward(W1, b1, W2, b2, images):
    X = images.reshape(784, -1)  # (m, 784) comes in
    Z1 = W1 @ X + b1
    A1 = np.maximum(0, Z1)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    return (e / e.sum(axis=0)).T
