"""An independent reading of registers: what must be published for each type, order and scale.

Written from the contract of the register maps alone, with struct and Decimal; it shares nothing
with the gateway. `decode` takes a row of a map and the registers of a device; `differs` compares
its verdict with the JSON value that was published, bit by bit.
"""

import dataclasses
import datetime
import math
import struct
from decimal import Decimal, localcontext

NATURAL_ORDER = "ABCDEFGH"
REGISTERS = {"bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4,
             "float16": 1, "float32": 2, "float64": 4, "bcd16": 1, "bcd32": 2, "mod10k2": 2,
             "mod10k3": 3, "mod10k4": 4, "unix32": 2, "datetime4": 4, "datetime3r": 3}


class Moment(str):
    """ISO 8601 text of a point in time."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`value` is a bool, a str, a Decimal (exact), or ("float32" | "float64", the number)."""
    quality: str
    value: object = None
    reason: str = ""


def registers_of(row):
    kind = row["type"].split(":")
    if kind[0] == "string":
        return (int(kind[1]) + 1) // 2
    if kind[0] == "string1":
        return int(kind[1])
    return REGISTERS.get(kind[0], 1)


def in_order(raw, order):
    """The bytes, most significant first. The letters name the bytes as they arrive."""
    if not order or order == "reverse":
        return raw
    placed = bytearray(len(raw))
    for position, letter in enumerate(order):
        placed[NATURAL_ORDER.index(letter)] = raw[position]
    return bytes(placed)


def bad(reason):
    return Verdict("bad", None, reason)


def decode(row, words):
    """`words`: the registers of the value as they arrive (one boolean for a coil or input)."""
    if row.get("table") in ("coil", "discrete"):
        return Verdict("good", bool(words[0]))
    raw = struct.pack(f">{len(words)}H", *words)
    for column, reason in (("absent", "sentinel"), ("over", "over-range"),
                           ("under", "under-range")):
        for sentinel in filter(None, str(row.get(column, "")).split("|")):
            if int(sentinel, 0) == int.from_bytes(raw, "big"):
                return bad(reason)
    value = _raw_value(row, raw, words)
    if isinstance(value, Verdict):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = _integer(row, value)
    elif isinstance(value, tuple):
        value = _float(row, *value)
    return value if isinstance(value, Verdict) else _ranged(row, value)


EXPONENT_MAX = 30


def decode_all(rows, words_of):
    """Verdicts by tag of a whole map; `words_of(row)` gives a row's registers. A value whose
    exponent of ten is in another tag (SunSpec) takes it from there, and its reason if it is bad."""
    by_tag = {row["tag"]: row for row in rows}
    verdicts = {}
    for row in rows:
        verdict = decode(row, words_of(row))
        if row.get("scale_tag") and verdict.quality != "bad":
            verdict = _with_exponent(row, verdict, decode(by_tag[row["scale_tag"]],
                                                          words_of(by_tag[row["scale_tag"]])))
        verdicts[row["tag"]] = verdict
    return verdicts


def _with_exponent(row, verdict, exponent):
    if exponent.quality == "bad":
        return bad(exponent.reason)
    if abs(exponent.value) > EXPONENT_MAX:
        return bad("bad-encoding")
    with localcontext() as context:
        context.prec = 400
        return _ranged(row, verdict.value.scaleb(int(exponent.value)))


def _raw_value(row, raw, words):
    kind, *numbers = row["type"].split(":")
    order = row.get("order", "")
    if kind in ("string", "string1"):
        return _text(kind, int(numbers[0]), raw, words, order)
    if kind.startswith("mod10k"):
        return _mod10k(words, order)
    if kind.startswith("datetime"):
        return _datetime(kind, words)
    placed = in_order(raw, order)
    number = int.from_bytes(placed, "big")
    if kind == "bool":
        return number != 0
    if kind == "bit":
        return bool(number >> int(numbers[0]) & 1)
    if kind == "bits":
        return number >> int(numbers[0]) & (1 << int(numbers[1])) - 1
    if kind.startswith("uint"):
        return number
    if kind.startswith("int"):
        return int.from_bytes(placed, "big", signed=True)
    if kind.startswith("bcd"):
        digits = placed.hex()
        return int(digits) if digits.isdigit() else bad("bad-encoding")
    if kind == "unix32":
        moment = datetime.datetime.fromtimestamp(number, datetime.timezone.utc)
        return Verdict("good", Moment(moment.strftime("%Y-%m-%dT%H:%M:%S")))
    return kind, struct.unpack(">" + {"float16": "e", "float32": "f", "float64": "d"}[kind],
                               placed)[0]


def _text(kind, characters, raw, words, order):
    if kind == "string1":
        data = bytes(word & 0xff for word in words)
    elif order == "BA":
        data = b"".join(struct.pack("<H", word) for word in words)
    else:
        data = raw
    data = data[:characters].rstrip(b"\0 ")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return bad("bad-encoding")
    if any(ord(letter) < 32 and letter != "\t" for letter in text):
        return bad("bad-encoding")
    return Verdict("good", text)


def _mod10k(words, order):
    if any(word > 9999 for word in words):
        return bad("bad-encoding")
    value = 0
    for word in words if order == "reverse" else reversed(words):
        value = value * 10000 + word
    return value


def _datetime(kind, words):
    if kind == "datetime4":
        year, day, clock, milliseconds = words
        if clock & 0x80 or not _is_moment(2000 + (year & 0x7f), day >> 8 & 15, day & 31,
                                          clock >> 8 & 31, clock & 63, milliseconds):
            return bad("bad-encoding")
        date = f"{2000 + (year & 0x7f):04}-{day >> 8 & 15:02}-{day & 31:02}"
        hours = f"{clock >> 8 & 31:02}:{clock & 63:02}"
    else:
        milliseconds, clock, day = words
        if not _is_moment(2000, day >> 8, day & 255, clock >> 8, clock & 255, milliseconds):
            return bad("bad-encoding")
        date, hours = f"--{day >> 8:02}-{day & 255:02}", f"{clock >> 8:02}:{clock & 255:02}"
    return Verdict("good", Moment(f"{date}T{hours}:{milliseconds / 1000:06.3f}"))


def _is_moment(year, month, day, hour, minute, milliseconds):
    try:
        datetime.datetime(year, month, day, hour, minute, milliseconds // 1000)
    except ValueError:
        return False
    return True


def _integer(row, value):
    if row.get("mask"):
        value &= int(row["mask"], 16)
    if row.get("words"):
        names = dict(entry.split("=", 1) for entry in row["words"].split("|"))
        if str(value) in names:
            return Verdict("good", names[str(value)])
        return Verdict("uncertain", str(value))  # the map did not foresee it
    if not row.get("scale") and not row.get("offset"):
        return Decimal(value)
    with localcontext() as context:
        context.prec = 400
        return Decimal(value) * Decimal(row.get("scale") or 1) + Decimal(row.get("offset") or 0)


def _float(row, kind, value):
    if not math.isfinite(value):
        return bad("not-a-number")
    if not row.get("scale") and not row.get("offset"):
        return "float64" if kind == "float64" else "float32", value
    product = value * float(row.get("scale") or 1) + float(row.get("offset") or 0)
    return ("float64", product) if math.isfinite(product) else bad("not-a-number")


def _ranged(row, value):
    number = value[1] if isinstance(value, tuple) else value
    quality = "good"
    if not isinstance(number, bool):
        if row.get("min") and number < Decimal(row["min"]):
            quality = "uncertain"
        if row.get("max") and number > Decimal(row["max"]):
            quality = "uncertain"
    return Verdict(quality, value)


# --- comparing with what was published ------------------------------------------------------

def differs(verdict, published):
    """Why the published JSON value (numbers as Decimal) is not the verdict's; "" if it is."""
    expected = verdict.value
    if isinstance(expected, tuple):
        return _float_differs(*expected, published)
    if isinstance(expected, bool) or expected is None:
        return "" if published is expected else f"is {published!r}, must be {expected!r}"
    if isinstance(expected, Decimal):
        if not isinstance(published, Decimal):
            return f"is {published!r}, must be a number"
        return "" if published == expected else f"is {published}, must be {expected}"
    if isinstance(expected, Moment):
        return "" if same_time(published, expected) else f"is {published!r}, must be {expected!r}"
    return "" if published == expected else f"is {published!r}, must be {expected!r}"


def same_time(published, expected):
    """Fractions of zero and the Z may be written or not."""
    def plain(text):
        text = text.rstrip("Z")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return isinstance(published, str) and plain(published) == plain(expected)


def _float_differs(kind, expected, published):
    if not isinstance(published, Decimal):
        return f"is {published!r}, must be a number"
    form = ">f" if kind == "float32" else ">d"
    if _packed(form, published) != struct.pack(form, expected):
        return f"is {published}, which is not bit for bit the {kind} {expected!r}"
    digits = len(published.normalize().as_tuple().digits)
    shortest = next(n for n in range(1, 18) if _packed(form, f"{expected:.{n - 1}e}")
                    == struct.pack(form, expected))
    if digits > shortest:
        return f"is {published}, {digits} digits where {shortest} give the same {kind}"
    return ""


def _packed(form, text):
    """The bits of that decimal; none when rounding has carried it beyond the greatest."""
    try:
        return struct.pack(form, float(text))
    except OverflowError:
        return b""


# --- registers to decode --------------------------------------------------------------------

def random_words(row, chooser):
    """Registers for the row: mostly any bits, often an extreme, sometimes what is no value."""
    kind, *_ = row["type"].split(":")
    count = registers_of(row)
    if row.get("table") in ("coil", "discrete"):
        return [chooser.randrange(2)]
    sentinels = [s for column in ("absent", "over", "under")
                 for s in str(row.get(column, "")).split("|") if s]
    if sentinels and chooser.random() < 0.3:
        raw = int(chooser.choice(sentinels), 0).to_bytes(2 * count, "big")
        return list(struct.unpack(f">{count}H", raw))
    if kind in ("string", "string1"):
        return _random_text(kind, row, count, chooser)
    if kind.startswith("datetime"):
        return _random_datetime(kind, chooser)
    if kind.startswith("mod10k"):
        return [chooser.choice((0, 9999, chooser.randrange(10000), chooser.randrange(10500)))
                for _ in range(count)]
    if kind.startswith("bcd"):
        return [int("".join(chooser.choice("0123456789" * 6 + "a") for _ in range(4)), 16)
                for _ in range(count)]
    if row.get("words"):
        mask = int(row.get("mask") or "ffff", 16)
        value = int(chooser.choice(row["words"].split("|")).split("=")[0])
        if kind == "bits":
            shift, width = map(int, row["type"].split(":")[1:])
            mask, value = (1 << width) - 1 << shift, value << shift
        if chooser.random() < 0.2:
            value = chooser.randrange(65536) & mask
        return [chooser.randrange(65536) & ~mask & 0xffff | value]
    if chooser.random() < 0.4:
        raw = chooser.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * 1
        rest = chooser.choice((b"\0", b"\xff")) * (2 * count - 1)
        return _placed(raw + rest, row)
    if kind.startswith("float") and chooser.random() < 0.6:
        return _placed(_random_float(kind, chooser), row)
    return [chooser.randrange(65536) for _ in range(count)]


def _random_datetime(kind, chooser):
    """Mostly a moment that is; else any bits, or a clock that was never set."""
    month, day = chooser.randrange(1, 13), chooser.choice((1, 28, 29, 30, 31))
    hour, minute = chooser.randrange(24), chooser.randrange(60)
    milliseconds = chooser.choice((0, 59999, chooser.randrange(60000)))
    if chooser.random() < 0.2:
        return [chooser.randrange(65536) for _ in range(4 if kind == "datetime4" else 3)]
    if kind == "datetime4":
        never_set = 0x80 * (chooser.random() < 0.1)
        return [chooser.randrange(100), month << 8 | day, hour << 8 | never_set | minute,
                milliseconds]
    return [milliseconds, hour << 8 | minute, month << 8 | day]


def _placed(natural, row):
    """The registers that carry these bytes (most significant first) in the row's order."""
    order = row.get("order", "")
    raw = natural
    if order and order != "reverse":
        raw = bytes(natural[NATURAL_ORDER.index(letter)] for letter in order)
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def _random_float(kind, chooser):
    code = {"float16": "e", "float32": "f", "float64": "d"}[kind]
    special = {"e": (65504.0, 6e-8, 6.1e-5), "f": (3.4028234663852886e38, 1e-45, 1.1754944e-38),
               "d": (1.7976931348623157e308, 5e-324, 2.2250738585072014e-308)}[code]
    value = chooser.choice((*special, 0.1, -0.0, 123.456, 1e-3, math.nan, math.inf, -math.inf,
                            chooser.uniform(-1000, 1000), float(chooser.randrange(2**11))))
    return struct.pack(">" + code, value)


def _random_text(kind, row, count, chooser):
    characters = int(row["type"].split(":")[1])
    if chooser.random() < 0.1:
        data = b"\xff\xfe" * characters
    else:
        letters = "AZaz09 \"\\/<>&'-" + ("é°µ" if kind == "string" else "")
        data = "".join(chooser.choice(letters) for _ in range(chooser.randrange(characters + 1)))
        data = data.encode()[:characters]
        while not _is_utf8(data):
            data = data[:-1]
    if kind == "string1":
        return [byte for byte in data.ljust(count, b"\0")[:count]]
    raw = data.ljust(2 * count, chooser.choice((b"\0", b" ")))[:2 * count]
    form = "<" if row.get("order") == "BA" else ">"
    return list(struct.unpack(f"{form}{count}H", raw))


def _is_utf8(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def every_kind(table, scale="", offset=""):
    """Rows of a map: every type in every order, in that table, with that scale; side by side."""
    if table in ("coil", "discrete"):
        return [{"tag": f"b{index}", "table": table, "address": index * 3, "type": "bool"}
                for index in range(40)]
    two, four = ("", "AB", "BA"), ("", "ABCD", "CDAB", "BADC", "DCBA")
    eight = ("", "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF",
             "DCBAHGFE", "FEHGBADC", "BHDFACEG")
    kinds = {**dict.fromkeys(("int16", "uint16", "float16", "bcd16"), two),
             **dict.fromkeys(("int32", "uint32", "float32", "bcd32"), four),
             **dict.fromkeys(("int64", "uint64", "float64"), eight),
             **dict.fromkeys(("mod10k2", "mod10k3", "mod10k4"), ("", "reverse")),
             "bits:8:8": two, "bits:3:5": two}
    if not scale and not offset:
        kinds.update({**dict.fromkeys(("string:1", "string:7", "string:16", "bit:0", "bit:15"),
                                      two),
                      "string1:5": ("",), "unix32": four, "datetime4": ("",),
                      "datetime3r": ("",)})
    rows, address = [], 3
    for kind, orders in kinds.items():
        for order in orders:
            row = {"tag": f"{kind}_{order or 'default'}".lower().replace(":", "_"),
                   "table": table, "address": address, "type": kind, "order": order,
                   "scale": scale, "offset": offset}
            rows.append(row)
            address += registers_of(row)
    if not scale and not offset:
        rows += _special_rows(table, address)
    return rows


def _special_rows(table, address):
    """Sentinels, ranges, masks and words; the last two read one register."""
    return [
        {"tag": "sentinel16", "table": table, "address": address, "type": "int16",
         "absent": "0x8000|0xFFFF", "over": "0x7FFF", "under": "0x8001"},
        {"tag": "sentinel32", "table": table, "address": address + 1, "type": "uint32",
         "order": "CDAB", "absent": "0xFFFEFFFE"},
        {"tag": "sentinel_float", "table": table, "address": address + 3, "type": "float32",
         "order": "CDAB", "absent": "0xFFFFFF7F"},
        {"tag": "ranged", "table": table, "address": address + 5, "type": "int16",
         "min": "-1000", "max": "1000.5"},
        {"tag": "masked", "table": table, "address": address + 6, "type": "uint16",
         "mask": "0x006F"},
        {"tag": "worded", "table": table, "address": address + 7, "type": "uint16",
         "mask": "0x000F", "words": "0=idle|1=running|2=fault \"E\"|15=été"},
        {"tag": "worded_bit", "table": table, "address": address + 7, "type": "bit:0"},
    ]
