import numpy as np
def inicializa(n_entrada=784, n_oculta=10, n_saida=10):
    return {"pesos_1": np.random.randn(n_oculta, n_entrada) * 0.01, "vies_1": np.zeros((n_oculta, 1)),
            "pesos_2": np.random.randn(n_saida, n_oculta) * 0.01, "vies_2": np.zeros((n_saida, 1))}
def softmax(z):
    e = np.exp(z - z.max(axis=0)); return e / e.sum(axis=0)
def forward(modelo, X):
    z1 = modelo["pesos_1"] @ X + modelo["vies_1"]
    a1 = np.maximum(z1, 0)
    z2 = modelo["pesos_2"] @ a1 + modelo["vies_2"]
    return z1, a1, z2, softmax(z2)
def backward(modelo, X, Y):
    z1, a1, z2, a2 = forward(modelo, X)
    m = X.shape[1]
    e2 = (a2 - Y) / m
    e1 = modelo["pesos_2"].T @ e2 * (z1 > 0)
    return {"pesos_1": e1 @ X.T, "vies_1": e1.sum(axis=1, keepdims=True), "pesos_2": e2 @ a1.T, "vies_2": e2.sum(axis=1, keepdims=True)}
