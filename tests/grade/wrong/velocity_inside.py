# velocity forgotten
import numpy as np


def update(params, grads, lr=0.1, momentum=0.9):
    velocity = {key: np.zeros_like(value) for key, value in params.items()}
    for key in params:
        velocity[key] = momentum * velocity[key] + grads["d" + key]
        params[key] = params[key] - lr * velocity[key]
    return params
