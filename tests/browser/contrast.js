// Every text on the page against what lies behind it: [{text, ratio, needed}], worst first, by WCAG 2.2's formula.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (...colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(getComputedStyle(one).backgroundColor);
    return ["Canvas", ...layers];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, title, option")) continue;
    const style = getComputedStyle(element);
    const layers = behind(element);
    const [text, back] = [pixel(...layers, element.closest("svg") ? style.fill : style.color), pixel(...layers)].map(luminance);
    const size = parseFloat(style.fontSize);
    found.push({
      text: texts.currentNode.data.trim().slice(0, 40),
      ratio: (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05),
      needed: size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5,
    });
  }
  return found.sort((a, b) => a.ratio - b.ratio);
}
