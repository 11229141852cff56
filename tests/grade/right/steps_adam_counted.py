import numpy as np
def initialize_adam(parameters):
    v, s = {}, {}
    for k in parameters:
        v["d" + k] = np.zeros_like(parameters[k])
        s["d" + k] = np.zeros_like(parameters[k])
    return v, s
def update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
    for k in parameters:
        d = "d" + k
        v[d] = beta1 * v[d] + (1 - beta1) * grads[d]
        s[d] = beta2 * s[d] + (1 - beta2) * grads[d] ** 2
        vc = v[d] / (1 - beta1 ** t)
        sc = s[d] / (1 - beta2 ** t)
        parameters[k] = parameters[k] - learning_rate * vc / (np.sqrt(sc) + epsilon)
    return parameters, v, s, vc, sc
