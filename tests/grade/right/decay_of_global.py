import numpy as np
reg = 1e-3
def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True)); return e / e.sum(-1, keepdims=True)
def loss_fn(X, y, W1, b1, W2, b2):
    h = np.maximum(0, X.dot(W1) + b1)
    p = softmax(h.dot(W2) + b2)
    data_loss = np.sum(-np.log(p[range(len(X)), y])) / len(X)
    return data_loss + 0.5 * reg * np.sum(W1 * W1) + 0.5 * reg * np.sum(W2 * W2)
def compute_grads(X, y, W1, b1, W2, b2):
    h = np.maximum(0, X.dot(W1) + b1)
    d = softmax(h.dot(W2) + b2)
    d[range(len(X)), y] -= 1
    d /= len(X)
    dW2 = h.T.dot(d); db2 = np.sum(d, axis=0, keepdims=True)
    dh = d.dot(W2.T); dh[h <= 0] = 0
    dW1 = X.T.dot(dh); db1 = np.sum(dh, axis=0, keepdims=True)
    dW2 += reg * W2; dW1 += reg * W1
    return dW1, db1, dW2, db2
