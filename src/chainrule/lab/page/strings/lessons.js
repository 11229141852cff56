// Words of the lessons: their menu, the card that leads through one, and its question.

const COUNTED = ["", "One digit is", "Two digits are", "Three digits are", "Four digits are"];

export const lessons = {
  menu: "Lessons",
  title: "Lessons",
  lead: "Each has a few steps in the lab and a question at the end. Esc leaves it.",
  minutes: (n) => `${n} minutes`,
  prior: (text) => `You need: ${text}`,
  notes: "For teachers",
  notesOf: (title) => `For teachers: ${title}`,
  pitfalls: "Where pupils stumble",
  hidden: "To guess first: links with parts hidden",
  sheet: "Sheets to print, one a pupil, and their keys. In a terminal:",
  command: (sheet) => `chainrule worksheet ${sheet} --pupils 25 --seed 7`,

  where: (at, n) => (at === n ? "Question" : `Step ${at} of ${n - 1}`),
  previous: "Previous",
  next: "Next",
  toQuestion: "To the question",
  nextLesson: "Next lesson",
  all: "All lessons",
  again: "Show again",
  againHint: "Show this step as it was at its beginning",
  fold: "Less",
  unfold: "More",
  leave: "Leave the lesson",
  leaveHint: "Leave the lesson (Esc)",
  unknown: (id) => `There is no lesson ${id} here.`,

  answer: "Your answer",
  check: "Check",
  choose: "Choose one of them.",
  digits: (n) => `${COUNTED[n] ?? `${n} digits are`} enough; the last one may be off by one.`,
  within: (amount) => `It may be off by ${amount}.`,
  verdicts: {
    right: "Right.",
    explained: "Not quite.",
    wrong: "That is not it. Try again.",
    close: "Close, but not close enough. Compute it more exactly.",
    sign: "The size is right, the sign is not.",
    unread: "That is no number I can read. Write it like −0.25, 1/3 or 36 %.",
  },
};
