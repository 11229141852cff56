// What an image is, and how many digits there are.

export const SIDE = 28; // pixels
export const PIXELS = SIDE * SIDE;
export const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
