// The README's pictures: taken each time, kept in the tree when FORMLAB_SCREENS names its folder.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { shrink } from "../png.mjs";
import { assert, settled } from "../world.mjs";

const SHOTS = { wall: "/", machine: "/m/m4_oven", trace: "/trace/m4_oven/chamber_temp" };
const SHOT_LIMIT_BYTES = 150000;

/** A picture wants the curves drawn. */
async function picture(world, route) {
  const page = await world.tab(route, { language: "en", size: { width: 1600, height: 900 } });
  await settled(page);
  if (route === "/") {
    await page.waitForSelector(".tile .spark .line");
  } else if (route.startsWith("/m/")) {
    await page.click(".controls button");
    await page.waitForSelector(".trend canvas");
  }
  return page;
}

export const checks = {
  "screens are taken": async (world) => {
    const folder = process.env.FORMLAB_SCREENS
      || fileURLToPath(new URL("../../../build/test/screens", import.meta.url));
    fs.mkdirSync(folder, { recursive: true });
    for (const [name, route] of Object.entries(SHOTS)) {
      const page = await picture(world, route);
      fs.writeFileSync(path.join(folder, `${name}.png`), shrink(await page.screenshot()));
      await page.end();
      assert.ok(fs.statSync(path.join(folder, `${name}.png`)).size < SHOT_LIMIT_BYTES, name);
    }
  },
};
