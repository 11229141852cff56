import numpy as np
velocity = {}
mu = 0.95
lr = 0.1
def update(params, grads):
    for k in params:
        velocity[k] = mu * velocity.get(k, 0) + grads[k]
        params[k] -= lr * velocity[k]
