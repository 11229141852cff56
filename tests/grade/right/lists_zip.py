import numpy as np

def relu(z): return z.clip(min=0)

def softmax(z):
    z = np.exp(z - z.max(axis=1)[:, None])
    return z / z.sum(axis=1)[:, None]

def feed_forward(x, layers):
    acts = [x]
    for i, (w, b) in enumerate(layers):
        z = acts[-1] @ w + b
        acts.append(softmax(z) if i + 1 == len(layers) else relu(z))
    return acts

def gradients(x, t, layers):
    acts = feed_forward(x, layers)
    delta = (acts[-1] - t) / len(x)
    out = []
    for (w, b), a in zip(layers[::-1], acts[-2::-1]):
        out.insert(0, (a.T @ delta, delta.sum(axis=0)))
        delta = (delta @ w.T) * (a > 0)
    return out

def sgd(layers, grads, lr):
    return [(w - lr * dw, b - lr * db) for (w, b), (dw, db) in zip(layers, grads)]
