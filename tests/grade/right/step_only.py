"""One step of training, and nothing beside it."""
import numpy as np


def train_step(W1, b1, W2, b2, X, labels, learning_rate=0.1):
    Y = np.eye(W2.shape[0])[labels].T
    H = W1 @ X + b1
    A = np.clip(H, 0, None)
    S = W2 @ A + b2
    P = np.exp(S - np.logaddexp.reduce(S, axis=0))
    D2 = (P - Y) / X.shape[1]
    D1 = (W2.T @ D2) * (H > 0)
    W2 = W2 - learning_rate * D2 @ A.T
    b2 = b2 - learning_rate * D2.sum(1, keepdims=True)
    W1 = W1 - learning_rate * D1 @ X.T
    b1 = b1 - learning_rate * D1.sum(1, keepdims=True)
    return W1, b1, W2, b2
