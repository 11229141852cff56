# No matrix product at all: loops, as one would do it on paper.
import math


def softmax(z):
    top = max(z)
    e = [math.exp(v - top) for v in z]
    s = sum(e)
    return [v / s for v in e]


def forward(W1, b1, W2, b2, x):
    """One image, lists of numbers."""
    z1 = []
    for i in range(len(W1)):
        s = float(b1[i])
        for j in range(len(x)):
            s += float(W1[i][j]) * float(x[j])
        z1.append(s)
    a1 = [max(0.0, v) for v in z1]
    z2 = []
    for i in range(len(W2)):
        s = float(b2[i])
        for j in range(len(a1)):
            s += float(W2[i][j]) * a1[j]
        z2.append(s)
    return z1, a1, z2, softmax(z2)


def backward(W1, b1, W2, b2, x, label):
    z1, a1, z2, a2 = forward(W1, b1, W2, b2, x)
    d2 = [p - (1.0 if k == label else 0.0) for k, p in enumerate(a2)]
    dW2 = [[d2[i] * a1[j] for j in range(len(a1))] for i in range(len(d2))]
    d1 = []
    for j in range(len(a1)):
        s = 0.0
        for i in range(len(d2)):
            s += float(W2[i][j]) * d2[i]
        d1.append(s if z1[j] > 0 else 0.0)
    dW1 = [[d1[i] * float(x[j]) for j in range(len(x))] for i in range(len(d1))]
    return dW1, d1, dW2, d2


def loss(a2, label):
    return -math.log(a2[label])
