"""Deformed copies of images as lists of ink, compiled: the same whole numbers as `deform.py`.

An image becomes a sheet of 32 × 32, and each line of a copy 32 places, so that the compiler makes
vectors of every loop but the one that looks up where the ink comes from.
"""

import numpy as np
from numba import njit

from chainrule.data import PIXELS, SIDE
from chainrule.deform import FINE, KNOTS, SPLINES, WIDTH
from chainrule.engine.compiled.keeping import entry
from chainrule.engine.compiled.lanes import bytes_at, fetch

i32 = np.int32
SHEET = WIDTH * WIDTH
ACROSS = np.zeros((KNOTS, WIDTH), i32)  # the weights of each arrow in a row, pixel by pixel
ACROSS[:, :SIDE] = SPLINES.T


# Their bodies are put where they are called: only so are the loops made vectors.
inner = njit(inline="always")


@inner
def fetch_image(memory, image):
    """Have an image brought into the cache: they lie anywhere in memory."""
    for line in range(0, PIXELS, 64):
        fetch(memory, image * PIXELS + line)


@inner
def lay(memory, row, thickness, sheet, plain):
    """Put an image in the middle of the sheet (1056,), so much thicker or thinner."""
    inked = plain if thickness != 0 else sheet
    for y in range(SIDE):
        for x in range(SIDE):
            inked[(y + 2) * WIDTH + x + 2] = memory[row * PIXELS + y * SIDE + x]
    if thickness != 0:
        share = i32(abs(thickness))
        for y in range(2, SIDE + 2):
            for k in range(y * WIDTH + 2, y * WIDTH + 2 + SIDE):
                p = plain[k]
                a, b, c, d = plain[k - 1], plain[k + 1], plain[k - WIDTH], plain[k + WIDTH]
                if thickness > 0:
                    aim = max(max(max(a, b), max(c, d)), p)
                else:
                    aim = min(min(min(a, b), min(c, d)), p)
                sheet[k] = p + i32(i32(i32(aim - p) * share + i32(128)) >> 8)


@inner
def find_quads(sheet, quads):
    """Each pixel with those to the right, below, and below to the right, in one number."""
    for i in range(SHEET):
        right, below = sheet[i + 1] << 8, sheet[i + WIDTH] << 16
        quads[i] = i32(sheet[i] | right | below | (sheet[i + WIDTH + 1] << 24))


@inner
def weighed(six, apart, at, across, x):
    """Σ of six numbers, so far apart, each times the weight of its arrow for pixel x."""
    left = six[at] * across[0, x] + six[at + apart] * across[1, x]
    middle = six[at + 2 * apart] * across[2, x] + six[at + 3 * apart] * across[3, x]
    right = six[at + 4 * apart] * across[4, x] + six[at + 5 * apart] * across[5, x]
    return i32(i32(left + middle) + right)


@inner
def bend(arrows, across, bends):
    """The arrows (6, 6) of one direction, weighted for each line: (6, 32)."""
    for j in range(KNOTS):
        for y in range(WIDTH):
            bends[j * WIDTH + y] = weighed(arrows, KNOTS, j, across, y)


@inner
def find_places(affine, at, bends, y, across, places):
    """Where the pixels of line y come from, in one direction: (32,), in 256ths of a pixel."""
    a, b, c = affine[at], affine[at + 1], affine[at + 2]
    middle = (SIDE - 1) * FINE // 2
    first = i32(b * (2 * y - (SIDE - 1)) + c + middle - (SIDE - 1) * a)
    step = i32(2 * a)
    for x in range(WIDTH):
        bent = weighed(bends, WIDTH, y, across, x)
        places[x] = i32(first + step * i32(x) + (bent >> 7)) >> 5


@inner
def look_up(columns, rows, quads, found):
    """The four pixels around each place of a line."""
    for x in range(WIDTH):
        row = min(max(i32(i32(rows[x] >> 8) + i32(2)), i32(0)), i32(30))
        column = min(max(i32(i32(columns[x] >> 8) + i32(2)), i32(0)), i32(30))
        found[x] = i32(row << 5) + column
    for x in range(SIDE):
        found[x] = quads[found[x]]


@inner
def blend(columns, rows, found):
    """The ink of each pixel of a line, in place of the four that were found."""
    for x in range(WIDTH):
        row, column, quad = i32(rows[x] & 255), i32(columns[x] & 255), found[x]
        near = i32(256 - column)
        above = i32(near * (quad & 255) + column * ((quad >> 8) & 255))
        below = i32(near * ((quad >> 16) & 255) + column * ((quad >> 24) & 255))
        found[x] = i32(i32(256 - row) * above + row * below + i32(1 << 15)) >> 16


@inner
def add_noise(seed, strength, y, line):
    """Noise on the pixels of a line that have ink."""
    for x in range(SIDE):
        h = np.uint32(seed ^ np.uint32(np.uint32(y * SIDE + x) * np.uint32(0x9E3779B1)))
        h = np.uint32(np.uint32(h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        h = np.uint32(np.uint32(h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        share = i32(i32(2) * i32(h >> np.uint32(16)) - i32(0xFFFF))
        noisy = min(max(i32(line[x] + (i32(share * i32(strength)) >> 16)), i32(0)), i32(255))
        line[x] = noisy if line[x] > 0 else i32(0)


@entry
def list_copies(
    place, images, affine, arrows, thickness, noise, strength, across, k, start, pixel, ink
):
    """List the ink of deformed copies, from place k of `pixel` and `ink` on; where it ends.

    `place` is where the images lie in memory, `images` says which of them are wanted.
    """
    memory = bytes_at(place)
    sheet, plain = np.zeros(SHEET + WIDTH + 1, i32), np.zeros(SHEET, i32)
    quads = np.empty(SHEET, i32)
    sideways, downwards = np.empty(KNOTS * WIDTH, i32), np.empty(KNOTS * WIDTH, i32)
    columns, rows, found = np.empty(WIDTH, i32), np.empty(WIDTH, i32), np.empty(WIDTH, i32)
    for n in range(len(images)):
        start[n] = k
        if n + 4 < len(images):
            fetch_image(memory, images[n + 4])
        lay(memory, images[n], thickness[n], sheet, plain)
        find_quads(sheet, quads)
        bend(arrows[n, : KNOTS**2], across, sideways)
        bend(arrows[n, KNOTS**2 :], across, downwards)
        for y in range(SIDE):
            find_places(affine[n], 0, sideways, y, across, columns)
            find_places(affine[n], 3, downwards, y, across, rows)
            look_up(columns, rows, quads, found)
            blend(columns, rows, found)
            if strength > 0:
                add_noise(noise[n], strength, y, found)
            for x in range(SIDE):
                pixel[k] = y * SIDE + x
                ink[k] = found[x]
                k += found[x] != 0
    start[len(images)] = k
    return k
