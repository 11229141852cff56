import numpy as np
def init(hidden=(128, 64)):
    sizes = (784, *hidden, 10)
    return [(np.random.randn(o, i) * (2 / i) ** .5, np.zeros((o, 1))) for i, o in zip(sizes, sizes[1:])]
def forward(params, X):
    W1, b1 = params[0]; W2, b2 = params[1]; W3, b3 = params[2]
    Z1 = W1 @ X + b1; A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2; A2 = np.maximum(Z2, 0)
    Z3 = W3 @ A2 + b3
    e = np.exp(Z3 - Z3.max(0))
    return Z1, A1, Z2, A2, Z3, e / e.sum(0)
def backward(params, X, Y):
    Z1, A1, Z2, A2, Z3, A3 = forward(params, X)
    W2, W3 = params[1][0], params[2][0]
    m = X.shape[1]
    d3 = (A3 - Y) / m
    d2 = W3.T @ d3 * (Z2 > 0)
    d1 = W2.T @ d2 * (Z1 > 0)
    s = lambda d: d.sum(1, keepdims=True)
    return [(d1 @ X.T, s(d1)), (d2 @ A1.T, s(d2)), (d3 @ A2.T, s(d3))]
