// How far a training has come: its charts, and how their numbers are written.

import { words } from "../strings.js";
import { chart } from "./chart.js";
import { short } from "./numbers.js";

const says = words.train;

export const number = (value) => (typeof value === "number" ? short(value) : "–");
export const share = (value) => (typeof value === "number" ? says.percent(value) : "–");

const x = { name: says.axisStep, whole: true };

export function lossChart(height, small = false) {
  const y = { name: says.axisLoss, write: number };
  return chart({ label: says.lossChart, x, y, height, file: "loss", small });
}

export function accuracyChart(label, height, small = false) {
  const y = { name: says.axisAccuracy, write: share, percent: true };
  return chart({ label, x, y, height, file: "accuracy", small });
}
