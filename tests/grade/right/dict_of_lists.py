import numpy as np
def build_model(n_in, n_hid, n_out):
    rng = np.random.RandomState(0)
    return {'w': [rng.randn(n_in, n_hid) * .05, rng.randn(n_hid, n_out) * .1], 'b': [np.zeros(n_hid), np.zeros(n_out)]}
def forward(model, x):
    h = np.maximum(0, x @ model['w'][0] + model['b'][0])
    o = h @ model['w'][1] + model['b'][1]
    o = np.exp(o - o.max(1, keepdims=True))
    return h, o / o.sum(1, keepdims=True)
def backward(model, x, y):
    h, p = forward(model, x)
    d = (p - y) / x.shape[0]
    gw1, gb1 = h.T @ d, d.sum(0)
    d = (d @ model['w'][1].T) * (h > 0)
    gw0, gb0 = x.T @ d, d.sum(0)
    return {'w': [gw0, gw1], 'b': [gb0, gb1]}
def update(model, grads, lr):
    for k in ('w', 'b'):
        for i in range(2):
            model[k][i] = model[k][i] - lr * grads[k][i]
