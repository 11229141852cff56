import numpy as np
def update(params, grads, G, lr):
    for k in params:
        G[k] += grads[k] ** 2
        params[k] = params[k] - lr * grads[k] / (np.sqrt(G[k]) + 1e-7)
    return params, G
