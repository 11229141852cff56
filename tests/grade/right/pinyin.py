import numpy as np

xuexilv = 0.1


def softmax(shuru):
    zhishu = np.exp(shuru - np.max(shuru, axis=0, keepdims=True))
    return zhishu / np.sum(zhishu, axis=0, keepdims=True)


def forward(quanzhong1, pianzhi1, quanzhong2, pianzhi2, tupian):
    yincang = np.dot(quanzhong1, tupian) + pianzhi1
    jihuo = yincang * (yincang > 0)
    shuchu = np.dot(quanzhong2, jihuo) + pianzhi2
    gailv = softmax(shuchu)
    return yincang, jihuo, shuchu, gailv


def loss(gailv, biaoqian):
    geshu = gailv.shape[1]
    return -np.sum(np.log(gailv[biaoqian, range(geshu)])) / geshu


def backward(quanzhong2, tupian, biaoqian, yincang, jihuo, gailv):
    geshu = tupian.shape[1]
    wucha2 = gailv.copy()
    wucha2[biaoqian, range(geshu)] -= 1
    wucha2 /= geshu
    tidu_q2 = np.dot(wucha2, jihuo.T)
    tidu_p2 = np.sum(wucha2, axis=1).reshape(-1, 1)
    wucha1 = np.dot(quanzhong2.T, wucha2)
    wucha1[yincang < 0] = 0
    tidu_q1 = np.dot(wucha1, tupian.T)
    tidu_p1 = np.sum(wucha1, axis=1).reshape(-1, 1)
    return tidu_q1, tidu_p1, tidu_q2, tidu_p2
