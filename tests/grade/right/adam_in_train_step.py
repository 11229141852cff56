import numpy as np
class Net:
    def __init__(self):
        s = [784, 10, 10]
        self.W = [np.random.randn(a, b) * np.sqrt(2 / a) for a, b in zip(s, s[1:])]
        self.b = [np.zeros(b) for b in s[1:]]
        self.t = 0
        self.mW = [np.zeros_like(w) for w in self.W]; self.vW = [np.zeros_like(w) for w in self.W]
        self.mb = [np.zeros_like(w) for w in self.b]; self.vb = [np.zeros_like(w) for w in self.b]
    def forward(self, X):
        self.acts = [X]
        for i in range(2):
            z = self.acts[-1] @ self.W[i] + self.b[i]
            if i == 0:
                self.acts.append(np.maximum(z, 0))
            else:
                e = np.exp(z - z.max(1, keepdims=True))
                self.acts.append(e / e.sum(1, keepdims=True))
        return self.acts[-1]
    def train_step(self, X, y, lr=1e-3, b1=0.9, b2=0.999):
        p = self.forward(X)
        d = p.copy(); d[np.arange(len(y)), y] -= 1; d /= len(y)
        self.t += 1
        for i in (1, 0):
            gW, gb = self.acts[i].T @ d, d.sum(0)
            if i: d = d @ self.W[i].T * (self.acts[i] > 0)
            for P, M, V, g in ((self.W, self.mW, self.vW, gW), (self.b, self.mb, self.vb, gb)):
                M[i] = b1 * M[i] + (1 - b1) * g
                V[i] = b2 * V[i] + (1 - b2) * g * g
                P[i] = P[i] - lr * (M[i] / (1 - b1 ** self.t)) / (np.sqrt(V[i] / (1 - b2 ** self.t)) + 1e-8)
