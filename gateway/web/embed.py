"""Makes the C table of the page's files: gateway/web_assets.h says what a row is.

    embed.py OUTPUT.c        the table
    embed.py --weigh         what each file weighs, compressed

The output depends on nothing but the files' contents, so that two builds are the same. Own modules
import the libraries by the path under which they are served (../lib/preact.js); the few names that
libraries import from each other are rewritten here to such paths.
"""

import gzip
import hashlib
import pathlib
import posixpath
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
# served as, the library's file, what is replaced in it or put behind it
LIBRARIES = (
    ("lib/preact.js", "preact/dist/preact.module.js", {}, ""),
    ("lib/hooks.js", "preact/hooks/dist/hooks.module.js", {'"preact"': '"./preact.js"'}, ""),
    ("lib/htm.js", "htm/dist/htm.module.js", {}, ""),
    ("lib/qr.js", "lean-qr/index.mjs", {}, ""),
    # The smallest of uPlot's files is a classic script that makes one variable.
    ("lib/uplot.js", "uplot/dist/uPlot.iife.min.js", {}, "export default uPlot;\n"),
    ("lib/uplot.css", "uplot/dist/uPlot.min.css", {}, ""),
)
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
IMPORT = re.compile(r'^(?:import|export)\b[^;]*?\bfrom\s*"([^"]+)"', re.MULTILINE)
PRELOADS = "<!-- modulepreload -->"


def library(file, replacements, end):
    text = (MODULES / file).read_text(encoding="utf-8")
    for name, path in replacements.items():
        if name not in text:
            sys.exit(f"embed.py: {file} no longer imports {name}")
        text = text.replace(name, path)
    return SOURCE_MAP.sub("", text).rstrip() + "\n" + end


def collect():
    """{path below /assets/: text} of all that is served."""
    assets = {}
    for file in sorted((HERE / "src").rglob("*")):
        if file.suffix in TYPES:
            assets[file.relative_to(HERE / "src").as_posix()] = file.read_text(encoding="utf-8")
    assets["style.css"] = (HERE / "style.css").read_text(encoding="utf-8")
    for name, file, replacements, end in LIBRARIES:
        assets[name] = library(file, replacements, end)
    return assets


def modules_of(assets, first):
    """What `first` imports, directly or not: fetched at once instead of level by level."""
    found, open_ones = [], [first]
    while open_ones:
        name = open_ones.pop(0)
        if name in found:
            continue
        if name not in assets:
            sys.exit(f"embed.py: {name} is imported and not there")
        found.append(name)
        open_ones += [posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                      for path in IMPORT.findall(assets[name])]
    return found


def files():
    """(path, type, content) in the order of the table."""
    assets = collect()
    page = (HERE / "index.html").read_text(encoding="utf-8")
    if page.count(PRELOADS) != 1:
        sys.exit(f"embed.py: index.html needs one {PRELOADS}")
    links = [f'<link rel="modulepreload" href="/assets/{name}">'
             for name in modules_of(assets, "main.js")]
    for name in assets:
        if name.endswith(".js"):
            modules_of(assets, name)
    contents = {"/assets/" + name: text for name, text in assets.items()}
    contents["/index.html"] = page.replace(PRELOADS, "\n".join(links))
    for path in sorted(contents):
        yield path, TYPES[pathlib.PurePosixPath(path).suffix], contents[path].encode()


def compress(content):
    return gzip.compress(content, 9, mtime=0)


def table():
    arrays, rows = [], []
    for number, (path, kind, content) in enumerate(files()):
        packed = compress(content)
        etag = hashlib.sha256(content).hexdigest()[:16]
        lines = [",".join(map(str, packed[at:at + 32])) for at in range(0, len(packed), 32)]
        arrays.append(f"static const unsigned char asset_{number}[] = {{\n" + ",\n".join(lines) + "};\n")
        rows.append(f'    {{"{path}", "{kind}", "\\"{etag}\\"", asset_{number}, '
                    f"sizeof(asset_{number}), {len(content)}}},\n")
    return ('#include "gateway/web_assets.h"\n\n' + "\n".join(arrays)
            + "\nconst struct web_asset web_assets[] = {\n" + "".join(rows) + "};\n"
            + "const size_t web_assets_count = sizeof(web_assets) / sizeof(web_assets[0]);\n")


def weigh():
    total = 0
    for path, _, content in files():
        size = len(compress(content))
        total += size
        print(f"{size:7} {path}")
    print(f"{total:7} in all, compressed")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--weigh":
        weigh()
        return
    output = pathlib.Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
