import numpy as np
class Nesterov:
    def __init__(self, lr, momentum):
        self.lr, self.momentum, self.v = lr, momentum, None
    def update(self, params, grads):
        if self.v is None:
            self.v = {k: np.zeros_like(x) for k, x in params.items()}
        for k in params:
            self.v[k] = self.momentum * self.v[k] - self.lr * grads[k]
            params[k] += self.momentum * self.v[k] - self.lr * grads[k]
