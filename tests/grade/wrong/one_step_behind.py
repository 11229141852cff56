# Adam's t stays 1
import numpy as np


def update(params, grads, m, v, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * grads[k]
        v[k] = beta2 * v[k] + (1 - beta2) * grads[k] ** 2
        m_hat = m[k] / (1 - beta1)
        v_hat = v[k] / (1 - beta2)
        params[k] -= lr * m_hat / (np.sqrt(v_hat) + eps)
    return params
