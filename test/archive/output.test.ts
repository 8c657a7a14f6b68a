import { describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileOutput } from "../../src/archive/output.ts";
import { encode } from "../../src/bytes/stream.ts";
import { failure } from "../support/archive-entries.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";

describe("fileOutput", () => {
  test("the old file stays until the new one is finished", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.tar");
    await writeFile(path, "old");
    await using output = await fileOutput(path);
    await output.write(encode("new bytes"));
    await output.truncate?.(4);
    expect(output.position).toBe(4);
    await output.write(encode("archive"));
    expect(await readFile(path, "utf8")).toBe("old");
    expect((await readdir(folder.path)).sort()).toEqual([".x.tar.incomplete", "x.tar"]);
    await output.finish();
    expect(await readFile(path, "utf8")).toBe("new archive");
    expect(await readdir(folder.path)).toEqual(["x.tar"]);
  });

  test("of two who write it at once, the first neither finishes what is not its own, nor removes it", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.tar");
    const first = await fileOutput(path);
    await first.write(encode("first"));
    await using second = await fileOutput(path);
    await second.write(encode("sec"));
    expect(await failure(first.finish())).toMatchObject({
      code: "STORAGE",
      message: `Cannot write "${path}": it was removed, or another run writes it at the same time`,
    });
    await first[Symbol.asyncDispose]();
    expect(await readdir(folder.path)).toEqual([".x.tar.incomplete"]);
    await second.write(encode("ond"));
    await second.finish();
    expect(await readFile(path, "utf8")).toBe("second");
  });

  test("disposed before its end it leaves the old file alone", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.tar");
    await writeFile(path, "old");
    {
      await using output = await fileOutput(path);
      await output.write(encode("half"));
    }
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder.path)).toEqual(["x.tar"]);
  });

  test("what a killed run left is replaced; where a link was put, nothing is written through it", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "precious"), "precious");
    await symlink("precious", join(folder.path, ".x.incomplete"));
    await using output = await fileOutput(join(folder.path, "x"));
    await output.write(encode("new"));
    await output.finish();
    expect(await readFile(join(folder.path, "precious"), "utf8")).toBe("precious");
    expect(await readFile(join(folder.path, "x"), "utf8")).toBe("new");
  });

  test("a folder that is missing, and a name that is a folder's, are said before any work", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "d"));
    expect(await failure(fileOutput(join(folder.path, "no", "x")))).toMatchObject({
      code: "STORAGE",
      message: expect.stringMatching(/^Cannot write ".*x": its folder does not exist$/),
      hint: "create the folder first",
    });
    expect(await failure(fileOutput(join(folder.path, "d")))).toMatchObject({ code: "STORAGE" });
    expect(await readdir(folder.path)).toEqual(["d"]);
  });

  test("a rename that fails leaves nothing behind", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    {
      await using output = await fileOutput(path);
      await mkdir(path);
      expect(await failure(output.finish())).toMatchObject({ code: "STORAGE" });
    }
    expect(await readdir(folder.path)).toEqual(["x"]);
  });

  test("a limit of the system is an error to act on", async () => {
    await using folder = await temporaryFolder();
    const source = fileURLToPath(new URL("../../src/archive/output.ts", import.meta.url));
    const program = `
      const { fileOutput } = await import(${JSON.stringify(source)});
      try {
        await using output = await fileOutput(${JSON.stringify(join(folder.path, "x"))});
        for (let at = 0; at < 64; at++) await output.write(new Uint8Array(1 << 20));
      } catch (error) {
        process.stdout.write(error.code + " " + error.message + " | " + error.hint);
      }`;
    const limited = `trap '' XFSZ; ulimit -f 4096; exec "$0" -e "$1"`;
    const { stdout } = await run("bash", ["-c", limited, process.execPath, program]);
    expect(stdout).toMatch(/^STORAGE Cannot write ".*x": the file grew larger than .* \| write to another disk/);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
