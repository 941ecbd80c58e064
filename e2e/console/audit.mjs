// What every view must be: readable in both schemes, within a small screen,
// and open to everybody.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// faint finds visible text whose contrast against what lies behind it is less
// than 4.5 to 1 (WCAG 2.2, success criterion 1.4.3). It runs in the page.
function faint() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const read = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const behind = (element) => {
    const own = element ? read(getComputedStyle(element).backgroundColor) : read(getComputedStyle(document.documentElement).colorScheme.includes('dark') ? 'black' : 'white');
    return !element || own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const light = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const poor = [];
  let judged = 0;
  const judge = (element, color, text) => {
    judged += 1;
    const back = behind(element);
    const ratio = contrast(over(read(color), back), back);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.localName}.${element.className}: ${text.slice(0, 40)}`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('.spoken, svg, [aria-disabled=true]')) continue;
    judge(element, getComputedStyle(element).color, node.data);
  }
  for (const input of document.querySelectorAll('[placeholder]')) judge(input, getComputedStyle(input, '::placeholder').color, input.placeholder);
  return { poor, judged };
}

// wide finds what sticks out of the screen's width. It runs in the page.
function wide() {
  const width = document.documentElement.clientWidth;
  const found = [];
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of document.body.querySelectorAll('*')) {
    const { left, right } = element.getBoundingClientRect();
    if (right - left < 2 || !element.checkVisibility() || element.closest('.spoken, .skip, thead')) continue;
    if (right > width + 1 || left < -1) found.push(`${element.localName}.${element.getAttribute('class')} from ${left} to ${right}: ${element.textContent.slice(0, 40)}`);
  }
  return { width, found: found.slice(0, 5) };
}

// readable holds when all text of a page has enough contrast in a scheme.
export async function readable(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  const { poor, judged } = await page.evaluate(faint);
  assert.ok(judged > 10, `only ${judged} texts were judged`);
  assert.deepEqual(poor, [], `contrast in ${colorScheme}`);
}

// narrow holds when a page fits into 320 CSS pixels.
export async function narrow(page) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const { width, found } = await page.evaluate(wide);
  await page.setViewportSize(before);
  assert.equal(width, 320);
  assert.deepEqual(found, [], 'what is too wide at 320 pixels');
}

// accessible holds when axe finds nothing serious.
export async function accessible(page) {
  if (!await page.evaluate('typeof axe === "object"')) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
  assert.ok(passes.length > 10, `axe judged only ${passes.length} rules`);
  const found = violations.map((v) => `${v.impact} ${v.id}: ${v.help} at ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(' | ')}`);
  assert.deepEqual(found, [], 'what axe found');
}

// good is all of that, in both schemes.
export async function good(page) {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await readable(page, 'dark');
  await accessible(page);
  await readable(page, 'light');
  await accessible(page);
  await narrow(page);
}
