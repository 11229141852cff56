import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)

def propagation_avant(X, parametres):
    C1, d1, C2, d2 = parametres
    z1 = C1.dot(X) + d1
    a1 = np.maximum(0, z1)
    a2 = softmax(C2.dot(a1) + d2)
    return a1, a2

def cout(a2, Y):
    return -np.sum(Y * np.log(a2)) / Y.shape[1]

def propagation_arriere(X, Y, parametres, activations):
    C1, d1, C2, d2 = parametres
    a1, a2 = activations
    m = X.shape[1]
    e2 = (a2 - Y) / m
    e1 = C2.T.dot(e2) * (a1 > 0)
    return e1.dot(X.T), e1.sum(axis=1, keepdims=True), e2.dot(a1.T), e2.sum(axis=1, keepdims=True)
