"""JSON schemas of everything that is published, and the rules that a schema cannot say."""

from decimal import Decimal
import datetime
import re

import jsonschema

TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
RESERVED = {"seq", "run", "time", "t", "q", "bad", "late"}
QUALITY = {"enum": ["good", "uncertain", "bad"]}
REASON = {"type": "string",
          "pattern": "^(timeout|no-link|bad-reply|exception-[0-9]+|not-a-number|sentinel|"
                     "over-range|under-range|bad-encoding)$"}
NATURAL = {"type": "integer", "minimum": 0}
VALUE = {"type": ["number", "string", "boolean", "null"]}


def _object(required, optional=None, others=False):
    return {"type": "object", "required": list(required), "additionalProperties": others,
            "properties": {**required, **(optional or {})}}


SAMPLE = _object(
    {"seq": {"type": "integer", "minimum": 1}, "run": {"type": "integer", "minimum": 1},
     "time": {"type": "string", "pattern": TIME}, "t": NATURAL, "q": QUALITY},
    {"bad": {"type": "object", "minProperties": 1, "additionalProperties": REASON},
     "late": {"const": True}}, others=VALUE)

NOW = _object(
    {"value": VALUE, "q": QUALITY, "time": {"type": "string", "pattern": TIME}, "t": NATURAL},
    {"unit": {"type": "string"}, "reason": REASON})

INFO = _object(
    {"state": {"enum": ["online", "offline"]}, "since": {"type": ["string", "null"]},
     "reason": {"type": ["string", "null"]}, "link": {"type": "string"}, "unit_id": NATURAL,
     "tags": NATURAL, "every_ms": NATURAL, "achieved_ms": {"type": ["number", "null"]},
     "gateway": {"type": "string"}}, others=True)

META = _object(
    {"datatype": {"enum": ["boolean", "number", "string"]},
     "source": _object({"link": {"type": "string"}, "unit_id": NATURAL,
                        "table": {"enum": ["coil", "discrete", "input", "holding"]},
                        "address": NATURAL, "type": {"type": "string"}}, others=True)},
    others=True)

GATEWAY_INFO = _object({}, others=True)
STATS = _object({}, others=True)

_VALIDATORS = {}


def check(schema, value):
    """Raises when the value does not follow the schema. Decimals are numbers."""
    key = id(schema)
    if key not in _VALIDATORS:
        base = jsonschema.Draft7Validator
        kinds = base.TYPE_CHECKER.redefine_many({
            "number": lambda _, v: isinstance(v, (int, float, Decimal))
            and not isinstance(v, bool),
            "integer": lambda _, v: isinstance(v, int) and not isinstance(v, bool)
            or isinstance(v, Decimal) and v == v.to_integral_value()})
        base.check_schema(schema)
        _VALIDATORS[key] = jsonschema.validators.extend(base, type_checker=kinds)(schema)
    _VALIDATORS[key].validate(value)


def check_sample(value, tags=None):
    """A sample follows the schema, and its parts agree with each other."""
    check(SAMPLE, value)
    present = {key: value[key] for key in value if key not in RESERVED}
    nulls = {key for key, content in present.items() if content is None}
    wrong = value.get("bad", {})
    assert nulls == set(wrong), f"null are {sorted(nulls)}, named as bad {sorted(wrong)}"
    assert present, "a sample without a tag"
    if tags is not None:
        assert set(present) <= set(tags), f"unknown tags {sorted(set(present) - set(tags))}"
    if len(nulls) == len(present):
        assert value["q"] == "bad", f"all tags are bad, q is {value['q']}"
    elif nulls:
        assert value["q"] == "uncertain", f"some tags are bad, q is {value['q']}"
    else:
        assert value["q"] != "bad", "no tag is bad, q is"
    check_times(value)


def check_times(value):
    moment = datetime.datetime.fromisoformat(value["time"].replace("Z", "+00:00"))
    milliseconds = round(moment.timestamp() * 1000)
    assert milliseconds == value["t"], f"time {value['time']} and t {value['t']} differ"


def check_now(value):
    check(NOW, value)
    check_times(value)
    assert (value["value"] is None) == (value["q"] == "bad") == ("reason" in value), value


def check_message(topic, text, value):
    """Whatever is published below the root: the topic says which rules hold."""
    parts = topic.split("/")
    # A tag may be called as one of the other topics: the level above decides first.
    if len(parts) > 1 and parts[-2] == "now":
        check_now(value)
    elif len(parts) > 1 and parts[-2] == "meta":
        check(META, value)
    elif parts[-1] == "status":
        assert text in ("online", "offline"), f"{topic} is {text!r}"
    elif parts[-1] in ("samples", "snapshot"):
        check_sample(value)
        assert parts[-1] == "samples" or "late" not in value, "a snapshot is never late"
    elif parts[-1] == "info":
        check(GATEWAY_INFO if re.search(r"/_gateway/[^/]+/info$", topic) else INFO, value)
    elif parts[-1] == "stats":
        check(STATS, value)
