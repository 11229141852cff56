import numpy as np
from functools import reduce
def act(z): return z * (z > 0)
def prob(z):
    z = np.exp(z - z.max(0)); return z / z.sum(0)
def run(params, X):
    (W1, b1), (W2, b2) = params
    A1 = act(W1 @ X + b1)
    return A1, prob(W2 @ A1 + b2)
def grad(params, X, y):
    (W1, b1), (W2, b2) = params
    A1, P = run(params, X)
    P[y, range(len(y))] -= 1
    P /= len(y)
    D = W2.T @ P
    D[A1 == 0] = 0
    return [(D @ X.T, D.sum(1)[:, None]), (P @ A1.T, P.sum(1)[:, None])]
def step(params, X, y, lr=0.1):
    return [(W - lr * dW, b - lr * db) for (W, b), (dW, db) in zip(params, grad(params, X, y))]
