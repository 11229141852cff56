import numpy as np
def update(params, grads, state):
    for k in params:
        if k not in state:
            state[k] = np.zeros_like(params[k])
        state[k] = 0.8 * state[k] + grads[k]
        params[k] -= 0.05 * state[k]
    return params
