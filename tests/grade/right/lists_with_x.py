import numpy as np
def sigmoid(x): return 1 / (1 + np.exp(-x))
def relu(x): return np.maximum(x, 0)
def d_relu(x): return (x > 0).astype(int)
def softmax(x, axis=0):
    x = x - np.max(x, axis=axis, keepdims=True)
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)
def forward(x, weights, biases):
    z1 = weights[0].dot(x) + biases[0]
    a1 = relu(z1)
    z2 = weights[1].dot(a1) + biases[1]
    return [z1, z2], [x, a1, softmax(z2)]
def backward(y, weights, zs, acts):
    m = y.shape[1]
    d2 = acts[2] - y
    d1 = weights[1].T.dot(d2) * d_relu(zs[0])
    dw = [d1.dot(acts[0].T) / m, d2.dot(acts[1].T) / m]
    db = [np.mean(d1, axis=1, keepdims=True), np.mean(d2, axis=1, keepdims=True)]
    return dw, db
def cost(y_hat, y):
    return np.mean(-np.sum(y * np.log(y_hat), axis=0))
