"""How well drawings and photos are prepared, measured.

python handwriting.py
"""

import numpy as np

from chainrule.handwriting import PAD

# Strokes on a grid 10 wide and 14 high, y down, parted by "/": points "x,y".
LETTERS = {
    "A": "0,14 5,0 10,14 / 2,9 8,9",
    "B": "0,14 0,0 6,0 9,2 9,5 6,7 0,7 / 6,7 10,9 10,12 6,14 0,14",
    "C": "10,2 7,0 4,0 1,3 0,7 1,11 4,14 7,14 10,12",
    "D": "0,0 0,14 5,14 9,11 10,7 9,3 5,0 0,0",
    "E": "10,0 0,0 0,14 10,14 / 0,7 8,7",
    "F": "10,0 0,0 0,14 / 0,7 8,7",
    "G": "10,2 7,0 4,0 1,3 0,7 1,11 4,14 8,14 10,11 10,8 6,8",
    "H": "0,0 0,14 / 10,0 10,14 / 0,7 10,7",
    "I": "5,0 5,14 / 2,0 8,0 / 2,14 8,14",
    "J": "3,0 9,0 / 7,0 7,11 5,14 2,14 0,11",
    "K": "0,0 0,14 / 9,0 0,8 / 3,6 10,14",
    "L": "0,0 0,14 9,14",
    "M": "0,14 0,0 5,8 10,0 10,14",
    "N": "0,14 0,0 10,14 10,0",
    "O": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0",
    "P": "0,14 0,0 7,0 10,2 10,6 7,8 0,8",
    "Q": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0 / 6,10 10,14",
    "R": "0,14 0,0 7,0 10,2 10,5 7,7 0,7 / 5,7 10,14",
    "S": "10,2 7,0 3,0 0,2 1,5 5,7 9,9 10,12 7,14 3,14 0,12",
    "T": "0,0 10,0 / 5,0 5,14",
    "U": "0,0 0,10 2,13 5,14 8,13 10,10 10,0",
    "V": "0,0 5,14 10,0",
    "W": "0,0 2,14 5,5 8,14 10,0",
    "X": "0,0 10,14 / 10,0 0,14",
    "Y": "0,0 5,7 10,0 / 5,7 5,14",
    "Z": "0,0 10,0 0,14 10,14",
}
DIGITS = {
    "0": "5,0 2,1 0,5 0,9 2,13 5,14 8,13 10,9 10,5 8,1 5,0",
    "1": "5,0 5,14",
    "2": "0,3 2,0 6,0 9,2 9,5 6,9 0,14 10,14",
    "3": "0,1 4,0 8,1 9,4 7,6 4,7 8,8 10,11 8,13 4,14 0,13",
    "4": "6,0 0,9 10,9 / 8,3 8,14",
    "5": "9,0 2,0 1,6 5,5 8,6 10,9 9,12 6,14 3,14 0,12",
    "6": "8,0 4,2 1,7 0,11 2,14 6,14 9,12 9,9 6,7 3,8 1,10",
    "7": "0,0 10,0 6,7 4,14",
    "8": "8,2 5,0 2,1 1,4 4,6 8,8 9,11 7,14 3,14 1,12 2,9 6,6 9,4 8,2",
    "9": "9,3 6,0 2,1 0,4 2,7 6,7 9,4 9,3 9,8 7,14",
}


def written(shape: str, rng: np.random.Generator) -> list[list[int]]:
    """The strokes of a letter or digit on the pad as a hand would vary them."""
    tilt, slant = rng.normal(0, 0.07), rng.normal(0.1, 0.12)
    width, height = rng.uniform(90, 150), rng.uniform(130, 190)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    place = rng.uniform(-25, 25, 2) + PAD / 2
    strokes = []
    for stroke in shape.split("/"):
        points = np.array([point.split(",") for point in stroke.split()], float)
        points += rng.normal(0, 0.3, points.shape)
        points = (points - (5, 7)) / (10, 14) * (width, height)
        points[:, 0] -= slant * points[:, 1]
        points = np.rint(points @ turn + place).clip(0, PAD).astype(int)
        strokes.append(points.ravel().tolist())
    return strokes


def scribble(rng: np.random.Generator) -> list[list[int]]:
    """A pen that wanders over the pad."""
    heading, place, points = rng.uniform(0, 2 * np.pi), rng.uniform(60, 220, 2), []
    for _ in range(rng.integers(20, 80)):
        points += place.astype(int).tolist()
        heading += rng.normal(0, 0.9)
        step = rng.uniform(10, 40) * np.array([np.cos(heading), np.sin(heading)])
        place = np.clip(place + step, 10, PAD - 10)
    return [points]
