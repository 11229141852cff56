// What an image is, and what the ten digits are called.

export const SIDE = 28; // pixels
export const PIXELS = SIDE * SIDE;
export const DIGITS = [..."0123456789"];
