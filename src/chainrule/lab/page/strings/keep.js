// Words of what is kept as a file: a view, a picture, a table.

export const keep = {
  csv: "CSV",
  csvHint: (what) => `Save as a table (CSV): ${what}`,
  svg: "SVG",
  svgHint: (what) => `Save as a picture (SVG): ${what}`,
  png: "PNG",
  pngHint: (what) => `Save as a picture (PNG): ${what}`,
  from: (view, version) =>
    `${view}, kept from chainrule lab ${version}: what was shown, with its numbers and without ` +
    `its controls. A running lab shows it again at the address that ends in`,
  title: (view) => `${view} · kept from chainrule lab`,
};
