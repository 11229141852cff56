import numpy as np
import pandas_that_is_not_here as pd


def init_params():
    return np.zeros((10, 784)), np.zeros((10, 1)), np.zeros((10, 10)), np.zeros((10, 1))


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2 - Z2.max(axis=0)) / np.exp(Z2 - Z2.max(axis=0)).sum(axis=0)
    return Z1, A1, Z2, A2


def back_prop(Z1, A1, Z2, A2, W2, X, Y):
    m = Y.size
    hot = np.zeros_like(A2)
    hot[Y, np.arange(m)] = 1
    dZ2 = A2 - hot
    dW2 = dZ2.dot(A1.T) / m
    db2 = dZ2.sum(axis=1).reshape(-1, 1) / m
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    return dZ1.dot(X.T) / m, dZ1.sum(axis=1).reshape(-1, 1) / m, dW2, db2


data = pd.read_csv("/kaggle/input/digit-recognizer/train.csv")
X_train = data.values[:, 1:].T / 255
