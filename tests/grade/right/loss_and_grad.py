import numpy as np

def loss_and_grad(params, X, y):
    W1, b1, W2, b2 = params
    n = len(y)
    h = X @ W1 + b1
    a = np.maximum(h, 0)
    s = a @ W2 + b2
    s = s - s.max(1, keepdims=True)
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    loss = -np.log(p[np.arange(n), y]).mean()
    ds = p
    ds[np.arange(n), y] -= 1
    ds /= n
    da = ds @ W2.T
    dh = da * (h > 0)
    return loss, (X.T @ dh, dh.sum(0), a.T @ ds, ds.sum(0))
