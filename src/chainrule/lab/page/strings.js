// Every word of the page, ready for another language: a file for each view.

import { cell } from "./strings/cell.js";
import { code } from "./strings/code.js";
import { compare } from "./strings/compare.js";
import { data } from "./strings/data.js";
import { draw } from "./strings/draw.js";
import { evaluate } from "./strings/evaluate.js";
import { frame } from "./strings/frame.js";
import { inside } from "./strings/inside.js";
import { keep } from "./strings/keep.js";
import { lessons } from "./strings/lessons.js";
import { map } from "./strings/map.js";
import { network as net } from "./strings/network.js";
import { own } from "./strings/own.js";
import { story } from "./strings/story.js";
import { knife } from "./strings/surgery.js";
import { train } from "./strings/train.js";
import { zoo } from "./strings/zoo.js";

export const words = {
  ...frame,
  ...inside,
  ...cell,
  ...draw,
  net,
  own,
  story,
  knife,
  train,
  evaluate,
  map,
  compare,
  keep,
  data,
  lessons,
  code,
  zoo,
};
