import numpy as np
def update(W1, b1, W2, b2, dW1, db1, dW2, db2, vW1, vb1, vW2, vb2, lr, momentum):
    vW1 = momentum * vW1 - lr * dW1
    vb1 = momentum * vb1 - lr * db1
    vW2 = momentum * vW2 - lr * dW2
    vb2 = momentum * vb2 - lr * db2
    return W1 + vW1, b1 + vb1, W2 + vW2, b2 + vb2, vW1, vb1, vW2, vb2
