# Red neuronal 784-10-10 escrita en español
import numpy as np


def inicializar():
    pesos1 = np.random.randn(10, 784) * 0.05
    sesgos1 = np.zeros((10, 1))
    pesos2 = np.random.randn(10, 10) * 0.3
    sesgos2 = np.zeros((10, 1))
    return pesos1, sesgos1, pesos2, sesgos2


def relu(z):
    return np.maximum(z, 0)


def softmax(z):
    exponenciales = np.exp(z - z.max(axis=0))
    return exponenciales / exponenciales.sum(axis=0)


def codificar(etiquetas):
    objetivo = np.zeros((10, etiquetas.size))
    objetivo[etiquetas, np.arange(etiquetas.size)] = 1
    return objetivo


def forward(pesos1, sesgos1, pesos2, sesgos2, entrada):
    suma1 = pesos1 @ entrada + sesgos1
    salida1 = relu(suma1)
    suma2 = pesos2 @ salida1 + sesgos2
    salida2 = softmax(suma2)
    return suma1, salida1, suma2, salida2


def backward(suma1, salida1, suma2, salida2, pesos2, entrada, etiquetas):
    cantidad = entrada.shape[1]
    error2 = salida2 - codificar(etiquetas)
    grad_pesos2 = error2 @ salida1.T / cantidad
    grad_sesgos2 = error2.sum(axis=1, keepdims=True) / cantidad
    error1 = pesos2.T @ error2 * (suma1 > 0)
    grad_pesos1 = error1 @ entrada.T / cantidad
    grad_sesgos1 = error1.sum(axis=1, keepdims=True) / cantidad
    return grad_pesos1, grad_sesgos1, grad_pesos2, grad_sesgos2


def update(pesos1, sesgos1, pesos2, sesgos2, gp1, gs1, gp2, gs2, tasa):
    pesos1 = pesos1 - tasa * gp1
    sesgos1 = sesgos1 - tasa * gs1
    pesos2 = pesos2 - tasa * gp2
    sesgos2 = sesgos2 - tasa * gs2
    return pesos1, sesgos1, pesos2, sesgos2
