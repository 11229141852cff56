// Words of Map.

export const map = {
  heading: "A map of the digits",
  lead:
    "Every test image is a point. Images that are alike for the network lie close together. " +
    "Points with a ring are read wrong. Move the slider of a run, and watch the classes separate.",
  label: "Map of the test images. Arrow keys go from point to point, Enter looks inside.",
  hint:
    "Point at a digit to see its image; click it to look inside. By keyboard: arrow keys " +
    "and Enter.",
  of: "Close means alike in",
  ofName: (name) => (name === "pixels" ? "pixels" : name),
  count: "Images",
  onlyMistakes: "mistakes only",
  key: "Colours of the digits",
  ring: "with a ring: a mistake",
  explained: (n, wrong, share, of, digits) =>
    `${n} test images of ${digits}, ${wrong.toLocaleString("en-GB")} read wrong. The plane ` +
    `shows ${share} of what varies in ${of}. It is turned to lie like the plane of the ` +
    `pixels, so that moments of a run can be compared.`,
};
