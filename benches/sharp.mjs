// sharp's part of scripts/bench-photos: node benches/sharp.mjs FOLDER_OF_SHARP IMAGE FORMAT SECONDS OUTPUT
// Prints the same figures as `visage bench --json`. One thread; the bytes are in memory before and after.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, image, format, seconds, output] = process.argv.slice(2);
const sharp = createRequire(`${folder}/`)("sharp");
sharp.concurrency(1);
sharp.cache(false);
const file = readFileSync(image);
const options = { jpeg: { quality: 80 }, webp: { quality: 80 }, avif: {}, png: {} }[format];
const once = () => sharp(file).resize(256, 256, { fit: "cover" })[format](options).toBuffer();

const result = await once();
if (output) writeFileSync(output, result);
const times = [];
const cpuBefore = process.cpuUsage();
const start = performance.now();
do {
  const before = performance.now();
  await once();
  times.push(performance.now() - before);
} while (performance.now() - start < seconds * 1000);
const elapsed = performance.now() - start;
const cpu = process.cpuUsage(cpuBefore);
times.sort((a, b) => a - b);
const peak = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/);
console.log(JSON.stringify({
  ops: times.length * 1000 / elapsed,
  med_ms: times[times.length >> 1],
  cpu_ms: (cpu.user + cpu.system) / 1000 / times.length,
  bytes: result.length,
  rss_mb: peak ? peak[1] / 1024 : null,
}));
