import numpy as np
def update(Ws, bs, dWs, dbs, cache, lr=0.01, rho=0.9, eps=1e-8):
    for i in range(len(Ws)):
        for k, (p, g) in enumerate([(Ws[i], dWs[i]), (bs[i], dbs[i])]):
            c = cache.setdefault((i, k), np.zeros_like(p))
            c[:] = rho * c + (1 - rho) * g * g
            p -= lr * g / (np.sqrt(c) + eps)
