"""Ein Netz mit einer verborgenen Schicht, Beispiele in Zeilen."""

import numpy as np


def softmax(werte):
    werte = werte - np.max(werte, axis=1, keepdims=True)
    hoch = np.exp(werte)
    return hoch / np.sum(hoch, axis=1, keepdims=True)


def vorwaerts(bilder, gewichte1, schwelle1, gewichte2, schwelle2):
    netz1 = bilder.dot(gewichte1) + schwelle1
    ausgabe1 = np.where(netz1 > 0, netz1, 0)
    netz2 = ausgabe1.dot(gewichte2) + schwelle2
    ausgabe2 = softmax(netz2)
    return netz1, ausgabe1, netz2, ausgabe2


forward = vorwaerts


def loss(ausgabe, ziel):
    anzahl = len(ziel)
    return 0.5 * np.sum((ausgabe - ziel) ** 2) / anzahl


def backward(bilder, ziel, gewichte2, netz1, ausgabe1, ausgabe2):
    anzahl = len(bilder)
    fehler = (ausgabe2 - ziel) / anzahl
    delta2 = ausgabe2 * (fehler - (fehler * ausgabe2).sum(axis=1, keepdims=True))
    delta1 = delta2.dot(gewichte2.T)
    delta1[netz1 <= 0] = 0
    return (
        bilder.T.dot(delta1),
        delta1.sum(axis=0),
        ausgabe1.T.dot(delta2),
        delta2.sum(axis=0),
    )
