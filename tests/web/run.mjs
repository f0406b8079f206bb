// Runs the checks of the named files on one browser: `run.mjs URL FILE…`. Prints a line a check, and
// what failed; exits 1 if any did or none ran.
import { World } from "./world.mjs";

const [url, ...files] = process.argv.slice(2);
const only = process.env.CHECK || "";
const world = await World.open(url);
let failed = 0, ran = 0;
for (const file of files) {
  const { checks } = await import(`./checks/${file}.mjs`);
  for (const [name, check] of Object.entries(checks).filter(([one]) => one.includes(only))) {
    const start = Date.now();
    let problem = "";
    try {
      await check(world);
    } catch (error) {
      problem = error.stack || String(error);
      failed += 1;
    }
    ran += 1;
    console.log(JSON.stringify({ check: `${file}: ${name}`, ms: Date.now() - start, problem }));
  }
}
await world.close();
process.exitCode = failed || !ran ? 1 : 0;
