import numpy as np


def forward(alif, ba, ta, tha, jim):
    ha = alif @ jim + ba
    kha = np.maximum(ha, 0)
    dal = tha + ta @ kha
    dal = np.exp(dal - dal.max(axis=0))
    return ha, kha, dal / dal.sum(axis=0)
