"""Pictures, videos and other files, made when they are needed."""

from __future__ import annotations

import base64
import hashlib

from playwright.async_api import Page

DRAW = """
([width, height, hue]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const draw = canvas.getContext("2d");
  const sky = draw.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, `hsl(${hue} 55% 38%)`);
  sky.addColorStop(0.62, `hsl(${hue - 190} 85% 72%)`);
  draw.fillStyle = sky;
  draw.fillRect(0, 0, width, height);
  draw.fillStyle = `hsl(${hue - 180} 95% 90%)`;
  draw.beginPath();
  draw.arc(width * 0.68, height * 0.47, height * 0.07, 0, 7);
  draw.fill();
  for (let ridge = 0; ridge < 5; ridge += 1) {
    draw.fillStyle = `hsl(${hue + 6 * ridge} ${34 + 4 * ridge}% ${44 - 8 * ridge}%)`;
    draw.beginPath();
    draw.moveTo(0, height);
    for (let x = 0; x <= width; x += 4) {
      const at = (x / width) * (5 - ridge * 0.4) + ridge * 1.7;
      const up = Math.sin(at) + 0.45 * Math.sin(2.3 * at + ridge) + 0.12 * Math.sin(9 * at);
      draw.lineTo(x, height * (0.56 + 0.1 * ridge - 0.07 * up));
    }
    draw.lineTo(width, height);
    draw.fill();
  }
  return canvas;
}
"""
TO_JPEG = f"(told) => ({DRAW})(told).toDataURL('image/jpeg', 0.85).split(',')[1]"
TO_WEBM = f"""
async (told) => {{
  const canvas = ({DRAW})(told);
  const mimeType = "video/webm;codecs=vp8";
  const recorder = new MediaRecorder(canvas.captureStream(10), {{ mimeType }});
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const draw = canvas.getContext("2d");
  const timer = setInterval(() => draw.fillRect(Math.random() * 50, 0, 20, 20), 80);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  clearInterval(timer);
  recorder.stop();
  await ended;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}}
"""


async def photo(page: Page, width: int = 1200, height: int = 800, hue: int = 220) -> bytes:
    """Return a JPEG of mountains at dusk, drawn by the browser of `page`."""
    return base64.b64decode(await page.evaluate(TO_JPEG, [width, height, hue]))


async def video(page: Page, width: int = 320, height: int = 180, hue: int = 160) -> bytes:
    """Return a WebM of a second and a half, recorded by the browser of `page`."""
    return base64.b64decode(await page.evaluate(TO_WEBM, [width, height, hue]))


def noise(size: int, seed: int = 1) -> bytes:
    """Return `size` bytes that cannot be compressed, the same ones for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)
