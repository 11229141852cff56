import numpy as np
from sklearn_is_missing.datasets import fetch_openml
from tqdm_is_missing import tqdm

X, y = fetch_openml("mnist_784", return_X_y=True, as_frame=False)
X = X / 255.0
y = y.astype(int)
X_train, y_train = X[:60000], y[:60000]
lr = 0.1
batch_size = 128
num_classes = 10


def one_hot_encode(y):
    out = np.zeros((len(y), num_classes))
    out[np.arange(len(y)), y] = 1
    return out


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e_x / e_x.sum(axis=1, keepdims=True)


def forward_pass(X, W1, b1, W2, b2):
    z1 = np.dot(X, W1) + b1
    a1 = np.maximum(0, z1)
    z2 = np.dot(a1, W2) + b2
    y_hat = softmax(z2)
    return z1, a1, z2, y_hat


def cross_entropy_loss(y_hat, y):
    return -np.sum(y * np.log(y_hat + 1e-8)) / y.shape[0]


def backward_pass(X, y, z1, a1, z2, y_hat, W2):
    m = X.shape[0]
    dz2 = y_hat - y
    dW2 = np.dot(a1.T, dz2) / m
    db2 = np.sum(dz2, axis=0, keepdims=True) / m
    da1 = np.dot(dz2, W2.T)
    dz1 = da1 * (z1 > 0)
    dW1 = np.dot(X.T, dz1) / m
    db1 = np.sum(dz1, axis=0, keepdims=True) / m
    return dW1, db1, dW2, db2


Y_train = one_hot_encode(y_train)
W1 = np.random.randn(784, 10) * 0.01
b1 = np.zeros((1, 10))
W2 = np.random.randn(10, 10) * 0.01
b2 = np.zeros((1, 10))

for epoch in tqdm(range(20)):
    for i in range(0, len(X_train), batch_size):
        xb, yb = X_train[i : i + batch_size], Y_train[i : i + batch_size]
        cache = forward_pass(xb, W1, b1, W2, b2)
        dW1, db1, dW2, db2 = backward_pass(xb, yb, *cache, W2)
        W1 -= lr * dW1
        b1 -= lr * db1
        W2 -= lr * dW2
        b2 -= lr * db2
    print(epoch, cross_entropy_loss(cache[-1], yb))
