#!/usr/bin/env python3
"""Checks a Tickmark bundle (*.evb) or a proof of one entry (*.tlog-proof).

A second program for the same page: it was written from the specification alone
(ledger.md, bundle.md and examination.md; every bundle carries them as SPEC.md) and
shares no line with the other. Python 3.9 or later and its standard library are all
it needs. It opens the files that it is given for reading, and does nothing else: no
network, nothing written, nothing started.

    verify.py [--key KEY|FILE]... [--policy FILE] [--tsa-root FILE.pem]...
              [--content FILE] [--items] [--json] FILE
    verify.py --batch

Exit status: 0 VERIFIED, 1 CORRUPTED, 2 unusable arguments or a file that cannot be
read, 3 CONSISTENT, 4 DEMO, 70 a fault of this program.
"""

import argparse
import array
import base64
import binascii
import bisect
import datetime
import hashlib
import heapq
import hmac
import json
import os
import re
import struct
import sys
import zlib

MAX_FILES = 65534
MAX_BUNDLE = 2 ** 32 - 1
MAX_ENTRIES = 4194304
MAX_LEAF = 8192
MAX_OPENING = 1048576
MAX_CHUNK_LIST = 16 << 20
MAX_MANIFEST = 64 << 20
MAX_PACK = 32 << 20
MAX_PACKED = 1048576
MAX_ANCHORS = 262144
MAX_ANCHOR_BODY = 1024
MAX_TEXT = 4 << 20
MAX_CHECKPOINT = 4096
MAX_KEY = 1024
MAX_PROOF = 2 << 20
MAX_POLICY = 64 << 10
MAX_ROOTS = 1 << 20
MAX_STAMP = 65536
MAX_STEPS = 64 << 20
MAX_DRAW = 64 << 20
MAX_SAMPLE = 131072
MAX_ROW = 1024
MAX_RECORD = 1048576
MAX_PROBLEMS = 1000
MAX_ABSENT = 1000

PER_FILE = 256
MAX_INT = 2 ** 53 - 1
BLOCK = 1 << 16
CHUNKS = "application/vnd.tickmark.chunks+json"
STAMP = "application/timestamp-reply"
LOG_CLOCK = "log clock only"
CLOCK_OFF = 5 * 60 * 1000

KINDS = ("log", "anchor", "run", "gap", "evidence", "population", "sample", "test",
         "conclusion", "signoff", "erasure", "op")
EXITS = {"VERIFIED": 0, "CORRUPTED": 1, "CONSISTENT": 3, "DEMO": 4}


class Fault(Exception):
    """Something that the specification does not allow."""


class Unusable(Exception):
    """Arguments that cannot be used, or a file that cannot be read."""


# --- 1. Texts, numbers, times -----------------------------------------------

HEX64 = re.compile(r"[0-9a-f]{64}\Z")
DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
RECORDED = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z\Z")
RECORD_ID = re.compile(r"[!-~]{1,200}\Z")
KEY_NAME = re.compile(r"[!-*,-~]{1,255}\Z")
ORIGIN = re.compile(r"tickmark/([0-9a-f]{32})/([1-9][0-9]{0,8})\Z")
CONTENT = re.compile(r"sha256:([0-9a-f]{64})\n((?:0|[1-9][0-9]{0,15}))\Z")
EPOCH = datetime.date(1970, 1, 1).toordinal()


def sha256(data):
    return hashlib.sha256(data).digest()


def is_hash(value):
    return isinstance(value, str) and HEX64.match(value) is not None


def is_int(value):
    """An integer; True is one for Python, and none here."""
    return type(value) is int


def is_count(value):
    return type(value) is int and value >= 0


def is_text(value):
    return isinstance(value, str) and value != ""


def decimal(text):
    """A decimal without sign and leading zeros, at most 2^53-1."""
    if not DECIMAL.match(text) or int(text) > MAX_INT:
        raise Fault("is not a decimal number")
    return int(text)


def unbase64(text, size=None):
    """Strict base64: standard alphabet, padding, unused bits zero, nothing else."""
    try:
        raw = text.encode("ascii") if isinstance(text, str) else bytes(text)
        data = base64.b64decode(raw, validate=True)
    except (ValueError, binascii.Error):
        raise Fault("is not base64") from None
    if base64.b64encode(data) != raw:
        raise Fault("is not base64 in its one spelling")
    if size is not None and len(data) != size:
        raise Fault("does not hold %d bytes" % size)
    return data


def utf8(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("is not UTF-8") from None


def has_control(text):
    """A control character is one of category Cc, which is these and never changes."""
    return any(c < " " or "\x7f" <= c <= "\x9f" for c in text)


def read_time(text):
    """The form of `recorded`, as milliseconds since 1970."""
    m = RECORDED.match(text) if isinstance(text, str) else None
    if m is None:
        raise Fault("is not a time as in 2026-11-21T23:05:02.123Z")
    year, month, day, hour, minute, second, milli = map(int, m.groups())
    return seconds_of(year, month, day, hour, minute, second, 1970) * 1000 + milli


def seconds_of(year, month, day, hour, minute, second, first_year):
    """Seconds since 1970 of a date that exists and an hour without leap seconds."""
    if year < first_year or hour > 23 or minute > 59 or second > 59:
        raise Fault("is not a time that exists")
    try:
        days = datetime.date(year, month, day).toordinal() - EPOCH
    except ValueError:
        raise Fault("is not a date that exists") from None
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def write_time(millis):
    seconds, milli = divmod(millis, 1000)
    days, rest = divmod(seconds, 86400)
    date = datetime.date.fromordinal(days + EPOCH)
    return "%sT%02d:%02d:%02d.%03dZ" % (date.isoformat(), rest // 3600, rest // 60 % 60, rest % 60, milli)


# --- 2. Canonical JSON ------------------------------------------------------

_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_ESCAPE = re.compile(r"\\(u00[01][0-9a-f]|.)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_UNESCAPE = dict(_SHORT)
_UNESCAPE.update(("u%04x" % c, chr(c)) for c in range(32) if chr(c) not in _SHORT.values())
_QUOTE = {value: "\\" + key for key, value in _UNESCAPE.items()}
_QUOTED = re.compile(r'[\x00-\x1f"\\]')


def parse_json(text, depth):
    """Parses canonical JSON; every other spelling of the same value is refused.

    depth is how many arrays and objects may stand inside each other.
    """
    if isinstance(text, (bytes, bytearray)):
        text = utf8(text)
    value, end = _value(text, 0, depth)
    if end != len(text):
        raise Fault("has something behind its end")
    return value


def _unescape(match):
    char = _UNESCAPE.get(match.group(1))
    if char is None:
        raise Fault("has an escape that is not canonical")
    return char


def _string(text, i):
    m = _PLAIN.match(text, i)
    if m:
        return m.group(1), m.end()
    if text[i:i + 1] != '"':
        raise Fault("is not canonical JSON")
    j = i + 1
    while True:
        j = text.find('"', j)
        if j < 0:
            raise Fault("has a string without end")
        k = j
        while text[k - 1] == "\\":
            k -= 1
        if (j - k) % 2 == 0:
            break
        j += 1
    raw = text[i + 1:j]
    if _CONTROL.search(raw):
        raise Fault("has a control character in a string")
    return _ESCAPE.sub(_unescape, raw), j + 1


def _value(text, i, depth):
    char = text[i:i + 1]
    if char == '"':
        return _string(text, i)
    if char == "{" or char == "[":
        if depth <= 0:
            raise Fault("is nested too deep")
        return _object(text, i, depth) if char == "{" else _array(text, i, depth)
    if char == "t" and text.startswith("true", i):
        return True, i + 4
    if char == "f" and text.startswith("false", i):
        return False, i + 5
    m = _NUMBER.match(text, i)
    if m is None or m.group() == "-0":
        raise Fault("is not canonical JSON with integers as its only numbers and without null")
    number = int(m.group())
    if abs(number) > MAX_INT:
        raise Fault("has a number beyond 2^53-1")
    return number, m.end()


def _array(text, i, depth):
    values = []
    if text[i + 1:i + 2] == "]":
        return values, i + 2
    while True:
        value, i = _value(text, i + 1, depth - 1)
        values.append(value)
        char = text[i:i + 1]
        if char == "]":
            return values, i + 1
        if char != ",":
            raise Fault("is not canonical JSON")


def _object(text, i, depth):
    values = {}
    if text[i + 1:i + 2] == "}":
        return values, i + 2
    before = None
    while True:
        key, i = _string(text, i + 1)
        if text[i:i + 1] != ":":
            raise Fault("is not canonical JSON")
        if before is not None and not _ascending(before, key):
            raise Fault("has keys that do not ascend")
        before = key
        values[key], i = _value(text, i + 1, depth - 1)
        char = text[i:i + 1]
        if char == "}":
            return values, i + 1
        if char != ",":
            raise Fault("is not canonical JSON")


def elements(text, i, depth):
    """The values of an array one by one, and at last None and the place behind it."""
    if text[i:i + 1] != "[":
        raise Fault("is not an array")
    i += 1
    if text[i:i + 1] == "]":
        yield None, i + 1
        return
    while True:
        value, i = _value(text, i, depth - 1)
        yield value, i
        char = text[i:i + 1]
        if char == "]":
            yield None, i + 1
            return
        if char != ",":
            raise Fault("is not canonical JSON")
        i += 1


def _ascending(a, b):
    if a.isascii() or b.isascii():
        return a < b  # one of them has no unit above 0x7F, so code points compare as units do
    return a.encode("utf-16-be") < b.encode("utf-16-be")


def quote(text):
    return '"' + _QUOTED.sub(lambda m: _QUOTE[m.group()], text) + '"'


def canonical(value):
    """Writes a parsed value again. Objects keep their order, which is ascending already."""
    if isinstance(value, str):
        return quote(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return "{" + ",".join(quote(k) + ":" + canonical(v) for k, v in value.items()) + "}"


def members(value, required, optional=()):
    """Refuses an object that lacks a required field or has one of another name."""
    if not isinstance(value, dict):
        raise Fault("is not an object")
    for name in required:
        if name not in value:
            raise Fault("has no field %s" % name)
    for name in value:
        if name not in required and name not in optional:
            raise Fault("has a field that version 1 does not know: %s" % shown(name))
    return value


# --- 3. Ed25519 (RFC 8032; ledger.md, section 6) ----------------------------

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
D2 = 2 * D % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e = (y1 - x1) * (y2 - x2) % P
    f = (y1 + x1) * (y2 + x2) % P
    g = t1 * t2 % P * D2 % P
    h = 2 * z1 * z2 % P
    m, n, o, p = f - e, h - g, h + g, f + e
    return m * n % P, o * p % P, n * o % P, m * p % P


def _double(a):
    x, y, z, _ = a
    e = x * x % P
    f = y * y % P
    g = 2 * z * z % P
    h = e + f
    m = h - (x + y) * (x + y) % P
    n = e - f
    o = g + n
    return m * o % P, n * h % P, o * n % P, m * h % P


def _decode_point(data):
    """The point of an encoding, or None (RFC 8032, section 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= P:
        return None
    u = (y * y - 1) % P
    v = (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * SQRT_M1 % P
        if (v * x * x - u) % P:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encode_point(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


def _table(point):
    """Multiples 0 to 15 of the point times 16^i, for i from 0 to 63."""
    rows = []
    for _ in range(64):
        row = [IDENTITY, point]
        for _ in range(14):
            row.append(_add(row[-1], point))
        rows.append(row)
        point = _double(row[8])
    return rows


def _times(table, scalar, total):
    for row in table:
        digit = scalar & 15
        if digit:
            total = _add(total, row[digit])
        scalar >>= 4
    return total


BASE = _decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
_tables = {}


def _table_of(key, point):
    table = _tables.get(key)
    if table is None:
        if len(_tables) >= 64:
            _tables.clear()
        table = _tables[key] = _table(point)
    return table


def ed25519_verify(key, message, signature):
    """Whether [S]B - [k]A, encoded, is the first half of the signature, and S < L."""
    if len(key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    point = _decode_point(key)
    if s >= L or point is None:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, t = point
    minus = (P - x if x else 0, y, z, P - t if t else 0)
    total = _times(_table_of(b"base", BASE), s, IDENTITY)
    total = _times(_table_of(key, minus), k, total)
    return _encode_point(total) == signature[:32]


# --- 4. The tree (RFC 6962, section 2.1) ------------------------------------

def leaf_hash(leaf):
    return sha256(b"\x00" + leaf)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    """All complete subtrees of a tree, level by level: 64 bytes for each leaf."""

    def __init__(self):
        self.levels = [bytearray()]
        self.size = 0

    def append(self, digest):
        levels = self.levels
        levels[0] += digest
        self.size += 1
        n, height = self.size, 0
        while n & 1 == 0:
            level = levels[height]
            digest = node_hash(bytes(level[-64:-32]), digest)
            height += 1
            if height == len(levels):
                levels.append(bytearray())
            levels[height] += digest
            n >>= 1

    def root(self, size):
        """The root over the first `size` leaves."""
        root = None
        for height in range(size.bit_length()):
            if size >> height & 1:
                at = 32 * ((size >> height) - 1)
                node = bytes(self.levels[height][at:at + 32])
                root = node if root is None else node_hash(node, root)
        return root if root is not None else sha256(b"")


def inclusion_root(digest, index, size, proof):
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise Fault("is of an entry that the checkpoint does not cover")
    if len(proof) != proof_length(index, size):
        raise Fault("has another number of hashes than this place in the tree needs")
    node, last = index, size - 1
    for sibling in proof:
        if node & 1 or node == last:
            digest = node_hash(sibling, digest)
            while node and node & 1 == 0:
                node >>= 1
                last >>= 1
        else:
            digest = node_hash(digest, sibling)
        node >>= 1
        last >>= 1
    return digest


def proof_length(index, size):
    inner = (index ^ (size - 1)).bit_length()
    return inner + bin(index >> inner).count("1")


# --- 5. Keys, notes, checkpoints, cosignatures ------------------------------

class Vkey:
    """A name, a public key, and the key id that both make."""

    def __init__(self, name, key, kind=1):
        self.name, self.key, self.kind = name, key, kind
        self.id = sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]

    def __str__(self):
        return "%s+%s+%s" % (self.name, self.id.hex(), base64.b64encode(bytes([self.kind]) + self.key).decode())


def read_vkey(text, kind=1, form=ORIGIN):
    """A vkey of a log (kind 1) or of a witness (kind 4), with a name of this form."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Fault("is not of the form name+id+key")
    name = parts[0]
    if not form.match(name):
        raise Fault("does not begin with %s" % ("the origin of a log" if form is ORIGIN else "a name that a key can have"))
    raw = unbase64(parts[2], 33)
    if raw[0] != kind:
        raise Fault("is of another kind of key")
    vkey = Vkey(name, raw[1:], kind)
    if parts[1] != vkey.id.hex():
        raise Fault("has a key id that is not that of its key")
    return vkey


class Note:
    """A signed note with exactly one signature line, taken apart and not yet checked."""

    def __init__(self, data):
        text, blank, line = data[:-1].rpartition(b"\n\n")
        if not blank or data[-1:] != b"\n" or not text:
            raise Fault("is not a text, an empty line and a signature line")
        if b"\n" in line:
            raise Fault("has more than one signature line")
        self.text = text + b"\n"
        self.name, raw = signature_line(line, 68)
        self.id, self.signature = raw[:4], raw[4:]

    def signed_by(self, vkey):
        return (self.name == vkey.name and self.id == vkey.id
                and ed25519_verify(vkey.key, self.text, self.signature))


def signature_line(line, size):
    """The name and the bytes of `— <name> <base64>`."""
    parts = utf8(line).split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
        raise Fault("has a signature line of another form")
    return parts[1], unbase64(parts[2], size)


class Checkpoint:
    """The three lines of a checkpoint."""

    def __init__(self, text):
        lines = text.split(b"\n")
        if len(lines) != 4 or lines[3]:
            raise Fault("is not three lines")
        self.origin = utf8(lines[0])
        if not ORIGIN.match(self.origin):
            raise Fault("does not name the origin of a log")
        self.size = decimal(utf8(lines[1]))
        self.root = unbase64(lines[2], 32)
        self.text = text


def checkpoint_text(origin, size, root):
    return b"%s\n%d\n%s\n" % (origin.encode(), size, base64.b64encode(root))


def signed_checkpoint(data):
    """A signed note over a checkpoint, in the name of the checkpoint's origin."""
    note = Note(data)
    checkpoint = Checkpoint(note.text)
    if note.name != checkpoint.origin:
        raise Fault("is signed in another name than its origin")
    return note, checkpoint


class Cosignature:
    """A witness's signature line (C2SP tlog-cosignature)."""

    def __init__(self, line):
        self.name, raw = signature_line(line.encode() if isinstance(line, str) else line, 76)
        if not KEY_NAME.match(self.name):
            raise Fault("has a cosignature in a name that no witness can have")
        self.id, self.signature = raw[:4], raw[12:]
        self.seconds = int.from_bytes(raw[4:12], "big")
        if not 1 <= self.seconds <= 253402300799:
            raise Fault("has a cosignature at a time that is none")

    def holds(self, key, checkpoint):
        message = b"cosignature/v1\ntime %d\n%s" % (self.seconds, checkpoint)
        return ed25519_verify(key, message, self.signature)


# --- 6. The leaf and what it commits to (ledger.md, sections 2 to 5) ---------

_LEAF_BYTES = re.compile(rb"[\x20-\x5b\x5d-\x7e]*\Z")
_LEAF_FIELDS = ("answers", "commit", "demo", "erases", "items", "key", "signed", "supersedes")
_LABELS = ("actor", "body", "content")


class Leaf:
    __slots__ = ("index", "kind", "log", "recorded", "answers", "commit", "demo", "erases",
                 "items", "key", "signed", "supersedes")


class Answer:
    """An entry of another log, with the checkpoint of it that the writer had seen."""
    __slots__ = ("log", "index", "note", "checkpoint")

    def __init__(self, value):
        members(value, ("index", "log", "note"))
        if not isinstance(value["log"], str) or not ORIGIN.match(value["log"]):
            raise Fault("answers something that is not the origin of a log")
        if not is_count(value["index"]) or not isinstance(value["note"], str):
            raise Fault("answers in another form")
        self.log, self.index = value["log"], value["index"]
        self.note, self.checkpoint = signed_checkpoint(unbase64(value["note"]))
        if self.checkpoint.origin != self.log:
            raise Fault("answers with a checkpoint of another log")
        if self.index >= self.checkpoint.size:
            raise Fault("answers an entry that its checkpoint does not cover")


def read_leaf(data):
    """A leaf in profile 1. What depends on other entries is checked elsewhere."""
    if len(data) > MAX_LEAF:
        raise Fault("is longer than 8,192 bytes")
    if not _LEAF_BYTES.match(data):
        raise Fault("has bytes other than 0x20 to 0x7E without backslash")
    value = parse_json(data.decode("ascii"), 8)
    members(value, ("index", "kind", "log", "recorded", "v"), _LEAF_FIELDS)
    leaf = Leaf()
    leaf.index, leaf.kind, leaf.log = value["index"], value["kind"], value["log"]
    if value["v"] != 1 or not is_int(value["v"]):
        raise Fault("is not of version 1")
    if not is_count(leaf.index):
        raise Fault("has an index that is not an integer from 0")
    if leaf.kind not in KINDS:
        raise Fault("is of no kind of version 1")
    if not isinstance(leaf.log, str) or not ORIGIN.match(leaf.log):
        raise Fault("names a log that is none")
    leaf.recorded = read_time(value["recorded"])
    leaf.answers = Answer(value["answers"]) if "answers" in value else None
    if leaf.answers is not None and leaf.answers.log == leaf.log:
        raise Fault("answers its own log")
    leaf.commit = _read_commit(value)
    leaf.items = _read_items(value)
    leaf.erases = _read_indices(value, "erases", leaf.index)
    leaf.supersedes = _read_indices(value, "supersedes", leaf.index)
    leaf.demo = "demo" in value
    if leaf.demo and (value["demo"] is not True or leaf.index != 0):
        raise Fault("has demo where it may not stand")
    if leaf.kind == "erasure":
        if bool(leaf.erases) == (leaf.answers is not None):
            raise Fault("is an erasure and has not exactly one of erases and answers")
    elif leaf.erases:
        raise Fault("erases and is no erasure")
    leaf.key, leaf.signed = _read_key(value, leaf)
    return leaf


def _read_commit(value):
    if "commit" not in value:
        return {}
    commit = members(value["commit"], (), _LABELS)
    if not commit or not all(map(is_hash, commit.values())):
        raise Fault("has a commit of another form")
    return commit


def _read_items(value):
    if "items" not in value:
        return None
    items = members(value["items"], ("count", "root"))
    if not is_count(items["count"]) or not is_hash(items["root"]):
        raise Fault("has items of another form")
    if items["count"] == 0 and items["root"] != sha256(b"").hex():
        raise Fault("has no items, and a root other than that of none")
    return items["count"], items["root"]


def _read_indices(value, name, index):
    if name not in value:
        return ()
    indices = value[name]
    if not isinstance(indices, list) or not indices or not all(map(is_count, indices)):
        raise Fault("has %s of another form" % name)
    if indices[-1] >= index or any(a >= b for a, b in zip(indices, indices[1:])):
        raise Fault("has %s that do not ascend below its own index" % name)
    return indices


def _read_key(value, leaf):
    key = signed = None
    if "key" in value:
        if leaf.kind != "log":
            raise Fault("has a key and is not of kind log")
        if not isinstance(value["key"], str):
            raise Fault("has a key that is not base64")
        key = unbase64(value["key"], 32)
    if "signed" in value:
        if not isinstance(value["signed"], str):
            raise Fault("has signed that is not base64")
        signed = unbase64(value["signed"], 64)
    if leaf.index == 0:
        if leaf.kind != "log" or key is None or signed is not None:
            raise Fault("is entry 0 and not of kind log with a key")
        if leaf.log.split("/")[1] != sha256(key).hex()[:32]:
            raise Fault("is entry 0 of a log whose origin is not made of its key")
    elif (key is None) != (signed is None):
        raise Fault("has one of key and signed without the other")
    return key, signed


def rotation_text(origin, index, key):
    return b"tickmark/rotate/v1\n%s\n%d\n%s\n" % (origin.encode(), index, base64.b64encode(key))


def commitment(label, payload, r):
    return hmac.digest(r, b"tickmark/commit/v1\n" + label + b"\n" + payload, "sha256")


class Opening:
    """What an opening shows of an entry, checked against its leaf. `fault` is what does not fit
    of it; the labels that do fit are read all the same."""
    __slots__ = ("body", "actor", "content", "body_size", "fault")

    def __init__(self, value, commit):
        self.body = self.actor = self.content = self.fault = None
        self.body_size = 0
        if not isinstance(value, dict) or not value:
            self.fault = "is opened in another form"
            return
        for label, part in value.items():
            try:
                self._read(label, part, commit)
            except Fault as fault:
                self.fault = self.fault or str(fault)

    def _read(self, label, part, commit):
        if label not in commit:
            raise Fault("is opened under a label that it does not commit to: %s" % shown(label))
        members(part, ("payload", "r"))
        if not isinstance(part["payload"], str) or not is_hash(part["r"]):
            raise Fault("is opened in another form")
        payload = part["payload"].encode()
        if commitment(label.encode(), payload, bytes.fromhex(part["r"])).hex() != commit[label]:
            raise Fault("commits to another %s than the one opened" % label)
        if label == "actor":
            self.actor = read_actor(part["payload"])
        elif label == "body":
            self.body, self.body_size = read_body(part["payload"]), len(payload)
        else:
            self.content = read_content(part["payload"])

    def record_id(self):
        return self.body.get("id") if self.body is not None else None


def read_actor(payload):
    actor = parse_json(payload, 64)
    members(actor, ("id", "name", "via"))
    if not all(isinstance(v, str) for v in actor.values()):
        raise Fault("has an actor of another form")
    return actor["id"]


def read_body(payload):
    body = parse_json(payload, 64)
    if not isinstance(body, dict) or not is_text(body.get("op")):
        raise Fault("has a body without op")
    if "id" in body and not (isinstance(body["id"], str) and RECORD_ID.match(body["id"])):
        raise Fault("has a body whose id is not 1 to 200 characters from ! to ~")
    if "media_type" in body and not isinstance(body["media_type"], str):
        raise Fault("has a body whose media_type is no text")
    return body


def read_content(payload):
    m = CONTENT.match(payload)
    if m is None or int(m.group(2)) > MAX_INT:
        raise Fault("has a content of another form")
    return m.group(1), int(m.group(2))


_CHUNK = re.compile(rb'\{"count":(0|[1-9][0-9]{0,15}),"sha256":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,15})\}')


def read_chunks(data):
    """A list of chunks (ledger.md, section 4): (name, size, count) of each. Its canonical JSON
    has one spelling for each value, so it is read without building what a hostile one says."""
    begin, end = b'{"chunks":[', b'],"v":1}'
    if not data.startswith(begin) or not data.endswith(end) or len(data) < len(begin) + len(end):
        raise Fault("is not a list of chunks of version 1")
    chunks, at, last = [], len(begin), len(data) - len(end)
    while at < last:
        m = _CHUNK.match(data, at + 1 if chunks else at, last)
        if m is None or chunks and data[at:at + 1] != b",":
            raise Fault("has a chunk of another form")
        count, size = int(m.group(1)), int(m.group(3))
        if count > MAX_INT or size > MAX_INT:
            raise Fault("has a number beyond 2^53-1")
        chunks.append((m.group(2).decode(), size, count))
        at = m.end()
    return chunks


# --- 7. The archive (bundle.md, sections 1, 2 and 4) -------------------------

_NAME = re.compile(r"(?:README\.txt|SPEC\.md|manifest\.note|blobs/[0-9a-f]{64}|(blobpacks)/[0-9]{9}"
                   r"|logs/([0-9])/(?:(checkpoint|key)|(entries|openings)/([0-9]{9})\.jsonl))\Z")
_LIMITS = {"README.txt": MAX_TEXT, "SPEC.md": MAX_TEXT, "manifest.note": MAX_MANIFEST,
           "blobpacks": MAX_PACK, "checkpoint": MAX_CHECKPOINT, "key": MAX_KEY,
           "entries": PER_FILE * (MAX_LEAF + 1), "openings": PER_FILE * (MAX_OPENING + 1)}
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_ENTRY = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")


class Member:
    """A file of the archive: where its content lies, and what was found out about it."""
    __slots__ = ("name", "offset", "size", "crc", "sha", "used")

    def __init__(self, name, size, crc):
        self.name, self.size, self.crc = name, size, crc
        self.offset, self.sha, self.used = 0, None, False


class Archive:
    """Reads a bundle as the one archive that section 1 makes of its files."""

    def __init__(self, file, problem):
        self.file, self.problem = file, problem
        self.members = {}
        self.size = file.seek(0, os.SEEK_END)
        order, start = self._directory()
        self._contents(order, start)
        self._names(order)

    def at(self, offset, size):
        self.file.seek(offset)
        return self.file.read(size)

    def _directory(self):
        if self.size > MAX_BUNDLE:
            self.problem("archive", "is longer than 2^32-1 bytes")
            return [], None
        if self.size < _END.size:
            self.problem("archive end record", "is not there: the file is too short")
            return [], None
        tail = self.at(self.size - _END.size, _END.size)
        _, _, _, count, _, length, start, _ = _END.unpack(tail)
        if tail != _END.pack(0x06054B50, 0, 0, count, count, length, start, 0):
            self.problem("archive end record", "is not the one that follows from the files")
        if start + length + _END.size != self.size:
            self.problem("archive end record", "names a directory that does not end where the record begins")
            return [], None
        if count > MAX_FILES:
            self.problem("archive", "has more than 65,534 files")
            return [], None
        return self._read_directory(count, start, length), start

    def _read_directory(self, count, start, length):
        order, at, local = [], start, 0
        for _ in range(count):
            fixed = self.at(at, _ENTRY.size)
            if at + _ENTRY.size > start + length:
                self.problem("archive", "has fewer directory entries than its end record says")
                return order
            fields = _ENTRY.unpack(fixed)
            crc, size, namelen = fields[7], fields[9], fields[10]
            if namelen > 100 or at + _ENTRY.size + namelen > start + length:
                self.problem("archive", "has a directory entry whose name is too long")
                return order
            raw = self.at(at + _ENTRY.size, namelen)
            name = raw.decode("latin-1")
            if fixed != _ENTRY.pack(0x02014B50, 20, 20, 0x0800, 0, 0, 0x0021, crc, size, size,
                                    namelen, 0, 0, 0, 0, 0, local):
                self.problem("archive directory, entry of " + shown(name), "is not the one that follows from the files")
            order.append(Member(name, size, crc))
            local += _LOCAL.size + namelen + size
            at += _ENTRY.size + namelen
        if at != start + length:
            self.problem("archive", "has something between its directory and its end record")
        return order

    def _contents(self, order, start):
        """Compares every local header, and notes where the contents lie."""
        at = 0
        for i, member in enumerate(order):
            raw = member.name.encode("latin-1")
            header = _LOCAL.pack(0x04034B50, 20, 0x0800, 0, 0, 0x0021, member.crc, member.size,
                                 member.size, len(raw), 0) + raw
            member.offset = at + len(header)
            if member.offset + member.size > start:
                self.problem("header of " + shown(member.name), "is of a file that reaches into the directory")
                del order[i:]
                return
            if self.at(at, len(header)) != header:
                self.problem("header of " + shown(member.name), "is not the one that follows from the files")
            at = member.offset + member.size
        if start is not None and at != start:
            self.problem("archive", "has something between its files and its directory")

    def _names(self, order):
        before = None
        for member in order:
            name = member.name
            if before is not None and name <= before:
                self.problem(shown(name), "does not follow the name before in ascending order")
            before = name
            if name in self.members:
                continue
            m = _NAME.match(name)
            if m is None:
                self.problem(shown(name), "is not a file of a bundle")
                continue
            self.members[name] = member
            kind = m.group(1) or m.group(3) or m.group(4) or name
            if member.size > _LIMITS.get(kind, MAX_BUNDLE):
                self.problem(name, "is longer than a reader accepts")

    def blocks(self, at, left):
        while left > 0:
            block = self.at(at, min(BLOCK, left))
            if not block:
                raise Unusable("the file ended while it was read")
            at += len(block)
            left -= len(block)
            yield block

    def stream(self, member):
        """The content, block by block."""
        return self.blocks(member.offset, member.size)

    def read(self, member, limit):
        if member.size > limit:
            raise Fault("is longer than %d bytes" % limit)
        return b"".join(self.stream(member))

    def lines(self, member, limit):
        """The lines without their ends. A line beyond the limit, or without an end, is a fault."""
        rest = b""
        for block in self.stream(member):
            parts = block.split(b"\n")
            parts[0] = rest + parts[0]
            rest = parts.pop()
            for line in parts:
                if len(line) > limit:
                    raise Fault("has a line that is too long")
                yield line
            if len(rest) > limit:
                raise Fault("has a line that is too long")
        if rest:
            raise Fault("does not end in a line end")

    def digest_all(self):
        """SHA-256 and CRC of every file, read once."""
        for member in self.members.values():
            digest, crc = hashlib.sha256(), 0
            for block in self.stream(member):
                digest.update(block)
                crc = zlib.crc32(block, crc)
            member.sha = digest.hexdigest()
            if crc != member.crc:
                self.problem(member.name, "has another CRC than the archive says")
            if member.name.startswith("blobs/") and member.name[6:] != member.sha:
                self.problem(member.name, "has a name that is not the SHA-256 of its bytes")


class Packs:
    """The blobs in packs: some 60 bytes for each. Their SHA-256 ascend over all packs."""

    _LINE = re.compile(rb"([0-9a-f]{64}) (0|[1-9][0-9]{0,9})\n")

    def __init__(self, archive):
        self.archive = archive
        self.digests, self.places, self.sizes = bytearray(), array.array("Q"), array.array("Q")
        self.fits, self.used = bytearray(), bytearray()
        self.packs, self.firsts = [], []
        names = sorted(name for name in archive.members if name.startswith("blobpacks/"))
        for k, name in enumerate(names):
            if name != "blobpacks/%09d" % k:
                archive.problem("blobpacks/%09d" % k, "is not there")
                break
            self.packs.append(name)
            self.firsts.append(len(self.fits))
            try:
                self._read(archive.members[name])
            except Fault as fault:
                archive.problem(name, str(fault))

    def _read(self, member):
        at, end = member.offset, member.offset + member.size
        if member.size > MAX_PACK:
            raise Fault("is not read, being too long")
        if at == end:
            raise Fault("holds no blob")
        while at < end:
            m = self._LINE.match(self.archive.at(at, min(80, end - at)))
            if m is None:
                raise Fault("has a line that is not the SHA-256 and the size of a blob")
            digest, size, at = bytes.fromhex(m.group(1).decode()), int(m.group(2)), at + m.end()
            if size > end - at:
                raise Fault("has a blob that reaches over its end")
            if len(self.fits) and digest <= self.digests[-32:]:
                raise Fault("has blobs that do not ascend")
            if "blobs/" + digest.hex() in self.archive.members:
                raise Fault("has a blob that stands in blobs/ as well")
            if len(self.fits) == MAX_PACKED:
                raise Fault("has a blob more than packs may hold")
            self._append(digest, at, size)
            at += size

    def _append(self, digest, at, size):
        self.digests += digest
        self.places.append(at)
        self.sizes.append(size)
        self.used.append(0)
        found = hashlib.sha256()
        for block in self.archive.blocks(at, size):
            found.update(block)
        self.fits.append(found.digest() == digest)
        if not self.fits[-1]:
            self.archive.problem(self.packs[-1], "has a blob whose SHA-256 is not what its line says")

    def find(self, name):
        """The blob as a file of its own, or None. It is used from then on."""
        digest, low, high = bytes.fromhex(name), 0, len(self.fits)
        while low < high:
            middle = (low + high) // 2
            if self.digests[32 * middle:32 * middle + 32] < digest:
                low = middle + 1
            else:
                high = middle
        if self.digests[32 * low:32 * low + 32] != digest:
            return None
        self.used[low] = 1
        member = Member("blobs/" + name, self.sizes[low], 0)
        member.offset, member.sha = self.places[low], name if self.fits[low] else None
        return member

    def report_unused(self):
        for i, name in enumerate(self.packs):
            end = self.firsts[i + 1] if i + 1 < len(self.packs) else len(self.fits)
            unused = self.used.count(0, self.firsts[i], end)
            if unused:
                self.archive.problem(name, "has %d blobs that are named by no opened content" % unused)


# --- 8. Time stamps (bundle.md, section 8) -----------------------------------

class Der:
    """A cursor over elements; what it is not asked about, it refuses at the end."""

    def __init__(self, data, start=0, end=None):
        self.data, self.at = data, start
        self.end = len(data) if end is None else end

    def more(self):
        return self.at < self.end

    def tag(self):
        return self.data[self.at] if self.at < self.end else -1

    def element(self):
        """Steps over one element: its tag, all of its bytes, and a cursor inside."""
        data, start = self.data, self.at
        if self.end - start < 2:
            raise Fault("is cut off within an element")
        tag, length, inside = data[start], data[start + 1], start + 2
        if tag & 0x1F == 0x1F:
            raise Fault("has a tag of more than one byte")
        if length >= 0x80:
            n = length - 0x80
            if not 1 <= n <= 3 or self.end - inside < n:
                raise Fault("has a length of a form that is not accepted")
            length = int.from_bytes(data[inside:inside + n], "big")
            inside += n
            if length < 0x80 or length >> 8 * (n - 1) == 0:
                raise Fault("has a length that is longer than it must be")
        if length > self.end - inside:
            raise Fault("has an element that is longer than what it stands in")
        self.at = inside + length
        return tag, data[start:self.at], Der(data, inside, self.at)

    def take(self, tag):
        """The content of an element with this tag."""
        if self.tag() != tag:
            raise Fault("has not the element 0x%02X where it should stand" % tag)
        return self.element()[2]

    def raw(self, tag):
        if self.tag() != tag:
            raise Fault("has not the element 0x%02X where it should stand" % tag)
        return self.element()[1]

    def skip(self, tag):
        """Steps over an element with this tag if there is one."""
        return self.tag() == tag and self.element() is not None

    def done(self):
        if self.more():
            raise Fault("has an element more than it may have")

    def rest(self):
        return self.data[self.at:self.end]

    def only(self, tag):
        """The one element inside, with this tag."""
        inner = self.take(tag)
        self.done()
        return inner

    def integer(self, tag=0x02):
        raw = self.take(tag).rest()
        if not raw or len(raw) > 1 and (raw[0] == 0 and raw[1] < 0x80 or raw[0] == 0xFF and raw[1] >= 0x80):
            raise Fault("has an integer that is not in its shortest form")
        return int.from_bytes(raw, "big", signed=True)

    def integer_in(self, low, high, tag=0x02):
        value = self.integer(tag)
        if not low <= value <= high:
            raise Fault("has an integer out of its range")
        return value

    def boolean(self):
        """A BOOLEAN if there is one; False otherwise."""
        if self.tag() != 0x01:
            return False
        raw = self.take(0x01).rest()
        if raw not in (b"\x00", b"\xff"):
            raise Fault("has a boolean that is neither 00 nor FF")
        return raw == b"\xff"

    def oid(self):
        raw = self.take(0x06).rest()
        if not raw:
            raise Fault("has an empty object identifier")
        return raw

    def bits(self):
        raw = self.take(0x03).rest()
        if not raw or raw[0] > 7 or len(raw) == 1 and raw[0] or raw[0] and raw[-1] & ((1 << raw[0]) - 1):
            raise Fault("has a bit string of a form that is not accepted")
        return raw

    def whole_bits(self):
        raw = self.bits()
        if raw[0]:
            raise Fault("has a bit string with unused bits where whole bytes should stand")
        return raw[1:]

    def algorithm(self):
        """An AlgorithmIdentifier: the object identifier, and all of its bytes."""
        start = self.at
        inner = self.take(0x30)
        oid = inner.oid()
        if inner.more():
            inner.element()
        inner.done()
        return oid, self.data[start:self.at]


def oid(text):
    """The content bytes of an object identifier."""
    first, second, *rest = map(int, text.split("."))
    out = bytearray()
    for number in [40 * first + second] + rest:
        part = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            part.append(number & 0x7F | 0x80)
        out += bytes(reversed(part))
    return bytes(out)


OID_SIGNED_DATA = oid("1.2.840.113549.1.7.2")
OID_STAMP = oid("1.2.840.113549.1.9.16.1.4")
OID_CONTENT_TYPE = oid("1.2.840.113549.1.9.3")
OID_DIGEST = oid("1.2.840.113549.1.9.4")
OID_CERT_1 = oid("1.2.840.113549.1.9.16.2.12")
OID_CERT_2 = oid("1.2.840.113549.1.9.16.2.47")
OID_RSA = oid("1.2.840.113549.1.1.1")
OID_SHA256 = oid("2.16.840.1.101.3.4.2.1")
OID_KEY_USAGE = oid("2.5.29.15")
OID_CONSTRAINTS = oid("2.5.29.19")
OID_EXTENDED = oid("2.5.29.37")
OID_ANY_USE = oid("2.5.29.37.0")
OID_STAMPING = oid("1.3.6.1.5.5.7.3.8")
DIGESTS = {OID_SHA256: "sha256", oid("2.16.840.1.101.3.4.2.2"): "sha384", oid("2.16.840.1.101.3.4.2.3"): "sha512"}
SIGNATURES = {oid("1.2.840.113549.1.1.11"): OID_SHA256,
              oid("1.2.840.113549.1.1.12"): oid("2.16.840.1.101.3.4.2.2"),
              oid("1.2.840.113549.1.1.13"): oid("2.16.840.1.101.3.4.2.3")}
_GENERALIZED = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{1,9}))?Z\Z")
_UTC = re.compile(rb"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z\Z")


def der_time(der):
    """UTCTime or GeneralizedTime of a certificate, as seconds since 1970."""
    if der.tag() == 0x17:
        m = _UTC.match(der.take(0x17).rest())
        if m is None:
            raise Fault("has a time of another form")
        year, *rest = map(int, m.groups())
        return seconds_of(year + (1900 if year >= 50 else 2000), *rest, 1)
    m = _GENERALIZED.match(der.take(0x18).rest())
    if m is None or m.group(7) is not None:
        raise Fault("has a time of another form")
    return seconds_of(*map(int, m.groups()[:6]), 1)


class Certificate:
    """A certificate as section 8.4 reads it."""

    def __init__(self, data):
        self.data = data
        der = Der(data)
        inner = der.only(0x30)
        self.signed = inner.raw(0x30)
        self.algorithm, algorithm = inner.algorithm()
        self.signature = inner.whole_bits()
        inner.done()
        if self._read_signed(Der(self.signed).take(0x30)) != algorithm:
            raise Fault("has a certificate that names two signature algorithms")

    def _read_signed(self, der):
        self.version = 0
        if der.tag() == 0xA0:
            inner = der.take(0xA0)
            self.version = inner.integer_in(0, 2)
            inner.done()
        start = der.at
        der.integer()
        self.serial = der.data[start:der.at]
        _, algorithm = der.algorithm()
        self.issuer = der.raw(0x30)
        times = der.take(0x30)
        self.begins, self.ends = der_time(times), der_time(times)
        times.done()
        self.subject = der.raw(0x30)
        self._read_key(der.take(0x30))
        der.skip(0x81)
        der.skip(0x82)
        self.constraints = self.extended = self.usage = None
        self.extended_critical = self.unknown_critical = False
        if der.tag() == 0xA3:
            self._read_extensions(der.take(0xA3).only(0x30))
        der.done()
        return algorithm

    def _read_key(self, der):
        self.modulus = self.exponent = None
        algorithm, _ = der.algorithm()
        bits = der.whole_bits()
        der.done()
        if algorithm == OID_RSA:
            key = Der(bits).only(0x30)
            self.modulus, self.exponent = key.integer(), key.integer()
            key.done()

    def _read_extensions(self, der):
        seen = set()
        if not der.more():
            raise Fault("has extensions without one")
        while der.more():
            extension = der.take(0x30)
            name, critical = extension.oid(), extension.boolean()
            value = extension.only(0x04)
            if name in seen:
                raise Fault("has an extension twice")
            seen.add(name)
            if name == OID_KEY_USAGE:
                self.usage = value.bits()
            elif name == OID_CONSTRAINTS:
                inner = value.take(0x30)
                issues = inner.boolean()
                path = inner.integer_in(0, 2147483647) if inner.tag() == 0x02 else None
                inner.done()
                self.constraints = issues, path
            elif name == OID_EXTENDED:
                inner = value.take(0x30)
                self.extended, self.extended_critical = [], critical
                while inner.more():
                    self.extended.append(inner.oid())
            else:
                self.unknown_critical |= critical
                continue
            value.done()

    def usable(self):
        n, e = self.modulus, self.exponent
        return (n is not None and n > 0 and n & 1 == 1 and 2048 <= n.bit_length() <= 8192
                and 3 <= e <= 2147483647 and e & 1 == 1)

    def allows(self, *bits):
        if self.usage is None:
            return True
        return any(len(self.usage) > 1 + bit // 8 and self.usage[1 + bit // 8] & 0x80 >> bit % 8 for bit in bits)

    def valid(self, seconds):
        return self.begins <= seconds <= self.ends

    def signs(self, digest_oid, message, signature):
        """RSASSA-PKCS1-v1_5, by building what the signature must open to."""
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        digest = hashlib.new(DIGESTS[digest_oid], message).digest()
        name = b"\x06" + bytes([len(digest_oid)]) + digest_oid + b"\x05\x00"
        info = b"\x30" + bytes([len(name)]) + name + b"\x04" + bytes([len(digest)]) + digest
        info = b"\x30" + bytes([len(info)]) + info
        expected = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
        return pow(number, self.exponent, self.modulus).to_bytes(size, "big") == expected


class TimeStamp:
    """A TimeStampResp. Reading it raises Fault if it is broken; `outcome` is empty if it
    is trusted and the reason why not otherwise."""

    def __init__(self, data, checkpoint, nonce, roots):
        if len(data) > MAX_STAMP:
            raise Fault("has more than 65,536 bytes")
        self._read_answer(data)
        self.outcome = self._sound(checkpoint, nonce) or self._trust(roots)

    def _read_answer(self, data):
        answer = Der(data).only(0x30)
        status = answer.take(0x30)
        if status.integer() not in (0, 1):
            raise Fault("is an answer that grants nothing")
        status.skip(0x30)
        status.skip(0x03)
        status.done()
        token = answer.take(0x30)
        answer.done()
        if token.oid() != OID_SIGNED_DATA:
            raise Fault("is not signed data")
        signed = token.only(0xA0).only(0x30)
        if signed.integer() != 3:
            raise Fault("is signed data of another version")
        signed.take(0x31)
        info = signed.take(0x30)
        if info.oid() != OID_STAMP:
            raise Fault("holds no time stamp")
        self.stamp = info.only(0xA0).only(0x04).rest()
        self.certificates = self._read_certificates(signed.take(0xA0)) if signed.tag() == 0xA0 else []
        signed.skip(0xA1)
        self._read_signer(signed.take(0x31).only(0x30))
        signed.done()
        self._read_stamp(Der(self.stamp).only(0x30))

    def _read_certificates(self, der):
        found = []
        while der.more():
            tag, raw, _ = der.element()
            if tag == 0x30:
                if len(found) == 32:
                    raise Fault("has more than 32 certificates")
                found.append(Certificate(raw))
        return found

    def _read_signer(self, der):
        version = der.integer_in(1, 3)
        self.issuer = self.serial = None
        if version == 1:
            name = der.take(0x30)
            self.issuer = name.raw(0x30)
            start = name.at
            name.integer()
            self.serial = name.data[start:name.at]
            name.done()
        elif version == 3:
            der.take(0x80)
        else:
            raise Fault("names its signer in a way that is none")
        self.digest, _ = der.algorithm()
        raw = der.raw(0xA0)
        self.signed_bytes = b"\x31" + raw[1:]
        self.attributes = self._read_attributes(Der(raw).take(0xA0))
        self.algorithm, _ = der.algorithm()
        self.signature = der.take(0x04).rest()
        der.skip(0xA1)
        der.done()

    def _read_attributes(self, der):
        found = {}
        while der.more():
            attribute = der.take(0x30)
            name = attribute.oid()
            values = attribute.only(0x31)
            if name in (OID_CONTENT_TYPE, OID_DIGEST, OID_CERT_1, OID_CERT_2):
                if name in found:
                    raise Fault("has a signed attribute twice")
                found[name] = values.element()[1]
                values.done()
        return found

    def _read_stamp(self, der):
        if der.integer() != 1:
            raise Fault("is a stamp of another version")
        der.oid()
        imprint = der.take(0x30)
        self.imprint_digest, _ = imprint.algorithm()
        self.imprint = imprint.only(0x04).rest()
        der.integer()
        m = _GENERALIZED.match(der.take(0x18).rest())
        if m is None:
            raise Fault("has a time of another form")
        self.seconds = seconds_of(*map(int, m.groups()[:6]), 1970)
        self.millis = self.seconds * 1000 + int(((m.group(7) or b"0") + b"00")[:3])
        if der.tag() == 0x30:
            accuracy = der.take(0x30)
            if accuracy.tag() == 0x02:
                accuracy.integer_in(0, 86400)
            for tag in (0x80, 0x81):
                if accuracy.tag() == tag:
                    accuracy.integer_in(0, 999, tag)
            accuracy.done()
        der.boolean()
        self.nonce = der.integer() if der.tag() == 0x02 else None
        der.skip(0xA0)
        self.critical = False
        if der.tag() == 0xA1:
            extensions = der.take(0xA1)
            while extensions.more():
                extension = extensions.take(0x30)
                extension.oid()
                self.critical |= extension.boolean()
                extension.only(0x04)
        der.done()

    def _sound(self, checkpoint, nonce):
        """Section 8.5: Fault if it is broken, a reason if it is unsupported."""
        if self.imprint_digest != OID_SHA256 or self.imprint != sha256(checkpoint):
            raise Fault("is not over this checkpoint")
        if self.nonce is None or self.nonce != int(nonce, 16):
            raise Fault("has another nonce than the entry says")
        if self.attributes.get(OID_CONTENT_TYPE) != b"\x06" + bytes([len(OID_STAMP)]) + OID_STAMP:
            raise Fault("has not the content type of a time stamp")
        if OID_DIGEST not in self.attributes:
            raise Fault("has no digest among its signed attributes")
        if self.issuer is None:
            return "unsupported"
        self.signer = next((c for c in self.certificates
                            if c.issuer == self.issuer and c.serial == self.serial), None)
        if self.signer is None:
            raise Fault("has not the certificate of its signer")
        second = self._check_signing_certificate()
        goes_with = SIGNATURES.get(self.algorithm) if self.algorithm != OID_RSA else self.digest
        if (second not in DIGESTS or self.digest not in DIGESTS or goes_with != self.digest
                or not self.signer.usable()):
            return "unsupported"
        digest = hashlib.new(DIGESTS[self.digest], self.stamp).digest()
        if self.attributes[OID_DIGEST] != b"\x04" + bytes([len(digest)]) + digest:
            raise Fault("has a digest that is not that of the stamp")
        if not self.signer.signs(self.digest, self.signed_bytes, self.signature):
            raise Fault("has a signature that does not hold")
        return ""

    def _check_signing_certificate(self):
        """The algorithm of the second version's attribute; SHA-256 if there is none."""
        first, second = self.attributes.get(OID_CERT_1), self.attributes.get(OID_CERT_2)
        if first is None and second is None:
            raise Fault("does not say which certificate it is signed with")
        if first is not None:
            value, _ = self._read_signing_certificate(first, False)
            if value != hashlib.sha1(self.signer.data, usedforsecurity=False).digest():
                raise Fault("is signed with another certificate than it says")
        if second is None:
            return OID_SHA256
        value, algorithm = self._read_signing_certificate(second, True)
        if algorithm in DIGESTS and value != hashlib.new(DIGESTS[algorithm], self.signer.data).digest():
            raise Fault("is signed with another certificate than it says")
        return algorithm

    def _read_signing_certificate(self, raw, second):
        outer = Der(raw).only(0x30)
        certificates = outer.take(0x30)
        outer.skip(0x30)
        outer.done()
        first = certificates.take(0x30)
        while certificates.more():
            certificates.take(0x30)
        algorithm = first.algorithm()[0] if second and first.tag() == 0x30 else OID_SHA256
        value = first.take(0x04).rest()
        first.skip(0x30)
        first.done()
        return value, algorithm

    def _trust(self, roots):
        """Section 8.7: the reason why it is not trusted; empty if it is."""
        signer = self.signer
        if self.critical or signer.version != 2 or signer.unknown_critical:
            return "unsupported"
        if signer.extended != [OID_STAMPING] or not signer.extended_critical or not signer.allows(0, 1):
            return "usage"
        if not signer.valid(self.seconds):
            return "expired"
        if not roots:
            return "chain"
        anchors = {root.data for root in roots}
        current = signer
        for between in range(6):
            if current.data in anchors:
                return ""
            if between == 5:
                return "chain"
            if current.algorithm not in SIGNATURES:
                return "unsupported"
            following = self._next(current, roots)
            if following is None:
                return "chain"
            if following.version != 2 or following.unknown_critical:
                return "unsupported"
            if not self._may_issue(following, between):
                return "usage"
            if not following.valid(self.seconds):
                return "expired"
            current = following

    def _next(self, current, roots):
        candidates = []
        for candidate in list(roots) + self.certificates:
            if candidate.subject != current.issuer or not candidate.usable():
                continue
            if candidate.signs(SIGNATURES[current.algorithm], current.signed, current.signature):
                if candidate.valid(self.seconds):
                    return candidate
                candidates.append(candidate)
        return candidates[0] if candidates else None

    def _may_issue(self, certificate, between):
        if certificate.constraints is None or not certificate.constraints[0]:
            return False
        path = certificate.constraints[1]
        if path is not None and between > path:
            return False
        if not certificate.allows(5):
            return False
        extended = certificate.extended
        return extended is None or OID_STAMPING in extended or OID_ANY_USE in extended


def read_roots(data):
    """Certificates in PEM (section 8.8)."""
    if len(data) > MAX_ROOTS:
        raise Fault("is longer than 1 MiB")
    roots, inside = [], None
    for line in data.split(b"\n"):
        line = line.strip(b" \t\r")
        if line == b"-----BEGIN CERTIFICATE-----":
            if inside is not None:
                raise Fault("has a certificate that begins inside another")
            inside = []
        elif line == b"-----END CERTIFICATE-----" and inside is not None:
            roots.append(Certificate(unbase64(b"".join(inside))))
            inside = None
        elif inside is not None:
            inside.append(line)
    if inside is not None:
        raise Fault("has a certificate that does not end")
    if not 1 <= len(roots) <= 64:
        raise Fault("has not 1 to 64 certificates")
    return roots


# --- 9. What the reader trusts (bundle.md, section 7) ------------------------

class Trust:
    """Keys, witnesses, a quorum and roots that reached the reader by another way."""

    def __init__(self):
        self.keys = {}       # (origin, key) -> vkey as text
        self.used = set()
        self.witnesses = []  # (name in the policy, vkey)
        self.groups = []     # (name, how many, members)
        self.quorum = None
        self.names, self.parts = set(), set()  # of witnesses and groups; of those, members of a group
        self.roots = []

    def add_key(self, vkey):
        self.keys[vkey.name, vkey.key] = str(vkey)

    def has(self, origin, key):
        if (origin, key) in self.keys:
            self.used.add((origin, key))
            return True
        return False

    def read_policy(self, data):
        if len(data) > MAX_POLICY:
            raise Fault("is longer than 64 KiB")
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
            raise Fault("has a control character")
        self.names, self.parts, log_keys, witness_keys, quorums = set(), set(), set(), set(), []
        for number, line in enumerate(utf8(data).split("\n"), 1):
            line = line.strip(" \t")
            if line == "" or line.startswith("#"):
                continue
            try:
                self._policy_line(re.split("[ \t]+", line), log_keys, witness_keys, quorums)
            except Fault as fault:
                raise Fault("line %d %s" % (number, fault)) from None
        if len(quorums) != 1:
            raise Fault("has not exactly one quorum")
        self.quorum = None if quorums[0] == "none" else quorums[0]

    def _policy_line(self, items, log_keys, witness_keys, quorums):
        word, count = items[0], len(items)
        if word == "log" and count in (2, 3):
            vkey = read_vkey(items[1], 1, KEY_NAME)
            if vkey.key in log_keys:
                raise Fault("has a key that stood in a line before")
            log_keys.add(vkey.key)
            self.add_key(vkey)
        elif word == "witness" and count in (3, 4):
            vkey = read_vkey(items[2], 4, KEY_NAME)
            if vkey.key in witness_keys:
                raise Fault("has a key that stood in a line before")
            witness_keys.add(vkey.key)
            self._name(items[1])
            self.witnesses.append((items[1], vkey))
        elif word == "group" and count >= 4:
            self._group(items[1], items[2], items[3:])
        elif word == "quorum" and count == 2:
            if items[1] != "none" and items[1] not in self.names:
                raise Fault("names a quorum that does not stand before it")
            quorums.append(items[1])
        else:
            raise Fault("is none that a policy has")

    def _name(self, name):
        if name == "none" or name in self.names:
            raise Fault("has a name that is taken")
        self.names.add(name)

    def _group(self, name, rule, parts):
        for part in parts:
            if part not in self.names or part in self.parts:
                raise Fault("has a member that does not stand before it, or is one already")
            self.parts.add(part)
        if rule == "any":
            needed = 1
        elif rule == "all":
            needed = len(parts)
        elif re.match(r"[1-9][0-9]{0,5}\Z", rule) and int(rule) <= len(parts):
            needed = int(rule)
        else:
            raise Fault("needs another number than 1 to the count of its members")
        self._name(name)
        self.groups.append((name, needed, parts))

    def cosigned(self, signers):
        """Whether these witnesses, by their names in the policy, fulfil the quorum."""
        fulfilled = set(signers)
        for name, needed, parts in self.groups:
            if sum(part in fulfilled for part in parts) >= needed:
                fulfilled.add(name)
        return self.quorum in fulfilled

    def check_cosignature(self, cosignature, text):
        """The names in the policy of the witnesses whose cosignature this is. Fault if one
        is trusted by that name and key id and none of its keys fits."""
        fits = [(name, vkey) for name, vkey in self.witnesses
                if vkey.name == cosignature.name and vkey.id == cosignature.id]
        names = [name for name, vkey in fits if cosignature.holds(vkey.key, text)]
        if fits and not names:
            raise Fault("has a cosignature of a trusted witness that does not hold")
        return names


# --- 10. A bundle (bundle.md, sections 2 to 6) -------------------------------

def entry_name(log, index):
    return "entry/%d" % index if log == 0 else "log%d/entry/%d" % (log, index)


def shown(text):
    """A text for people, in which nothing moves the cursor or hides the rest."""
    return "".join(c if c.isprintable() else "\\u%04x" % ord(c) for c in str(text)[:300])


class Problems:
    """What does not hold. After 1,000 the rest are counted in one more."""

    def __init__(self):
        self.list, self.more = [], 0

    def add(self, name, reason):
        if len(self.list) < MAX_PROBLEMS:
            self.list.append((name, reason))
        else:
            self.more += 1

    def report(self):
        found = [{"object": name, "reason": reason} for name, reason in self.list]
        if self.more:
            found.append({"object": "archive", "reason": "and %d more problems" % self.more})
        return found


class Log:
    """What is kept of a log: some 100 bytes for each entry, and the ids of opened ones."""

    def __init__(self, number):
        self.number = number
        self.vkey = self.checkpoint = None
        self.tree = Tree()
        self.kinds = bytearray()            # place in KINDS; 255 for a leaf that is none
        self.recorded = array.array("q")    # milliseconds; -1 for a leaf that is none
        self.opened = bytearray()
        self.superseded = array.array("Q")  # 1 + index of the first entry that does; 0 for none
        self.erased = array.array("Q")      # the same, and its log above bit 32
        self.missing = array.array("Q")     # entries whose content is not inside
        self.ids, self.ids_at = bytearray(), array.array("Q", [0])
        self.bad = {}                       # index -> why its verdict is CORRUPTED
        self.absent = []                    # indices of openings of which the log has no entry
        self.keys, self.keys_at = [], []
        self.fault = ""                     # why rules 2 to 4 do not hold of it
        self.demo = self.given = self.answers = False
        self.continues = None
        self.tombs = {}                     # erased entry: id of the record of evidence it was
        self.anchors = []                   # (index, size, by, millis, trusted, reason)
        self.signers = {}                   # size -> names of witnesses in the policy
        self.witnessed = 0

    @property
    def origin(self):
        return self.vkey.name if self.vkey else ""

    @property
    def size(self):
        return len(self.kinds)

    def key_at(self, size):
        """The key in force at this size."""
        at = bisect.bisect_left(self.keys_at, size)
        return self.keys[at - 1] if at else None

    def id_of(self, index):
        return self.ids[self.ids_at[index]:self.ids_at[index + 1]].decode()

    def kind_of(self, index):
        kind = self.kinds[index]
        return KINDS[kind] if kind < len(KINDS) else ""


class Bundle:
    """Checks a bundle by the rules of section 5."""

    def __init__(self, file, trust):
        self.trust = trust
        self.problems = Problems()
        self.logs, self.by_origin = [], {}
        self.created = self.scope = ""
        self.manifest_holds, self.openings_hold = True, True
        self.lists, self.anchors = {}, 0
        self.examination = None
        self.archive = Archive(file, self.problems.add)
        self.archive.digest_all()
        self.packs = Packs(self.archive)
        self.steps = Steps(self)
        self._structure()
        self._read_keys()
        self._read_manifest()
        for log in self.logs:
            self._read_log(log)
        for log in self.logs:
            self._check_end(log)
        for log in self.logs:
            if log.answers:
                self._check_answers(log)
        self._check_keys_given()
        self._check_contents()
        self._check_order()
        self._judge()

    # Names and keys (rules 1 to 3)

    def _fault(self, log, name, reason):
        """A problem by which the whole log does not hold."""
        self.problems.add(name, reason)
        log.fault = log.fault or "%s %s" % (name, reason)

    def _structure(self):
        self.entry_files, self.opening_files = {}, {}
        numbers = set()
        for name in self.archive.members:
            m = _NAME.match(name)
            if m.group(2) is None:
                continue
            number = int(m.group(2))
            numbers.add(number)
            if m.group(4):
                files = self.entry_files if m.group(4) == "entries" else self.opening_files
                files.setdefault(number, []).append(int(m.group(5)))
        for files in list(self.entry_files.values()) + list(self.opening_files.values()):
            files.sort()
        for name in ("README.txt", "SPEC.md", "manifest.note"):
            if name not in self.archive.members:
                self.problems.add(name, "is not there")
        self.manifest_holds = "manifest.note" in self.archive.members
        for number in range(max(numbers, default=0) + 1):
            log = Log(number)
            self.logs.append(log)
            for part in ("checkpoint", "key"):
                if "logs/%d/%s" % (number, part) not in self.archive.members:
                    self._fault(log, "logs/%d/%s" % (number, part), "is not there")
            files = self.entry_files.setdefault(number, [])
            for k in range(max(files, default=0) + 1):
                if k == len(files) or files[k] != k:
                    self._fault(log, "logs/%d/entries/%09d.jsonl" % (number, k), "is not there")
                    break

    def _small(self, name, limit):
        member = self.archive.members.get(name)
        return None if member is None else self.archive.read(member, limit)

    def _read_keys(self):
        for log in self.logs:
            try:
                data = self._small("logs/%d/key" % log.number, MAX_KEY)
                if data is None:
                    continue
                if data[-1:] != b"\n":
                    raise Fault("does not end in a line end")
                log.vkey = read_vkey(utf8(data[:-1]))
            except Fault as fault:
                self._fault(log, "logs/%d/key" % log.number, str(fault))
                continue
            if log.origin in self.by_origin:
                self._fault(log, "logs/%d/key" % log.number, "is of a log that is in the bundle already")
            self.by_origin.setdefault(log.origin, log)
        for log in self.logs:
            name = "logs/%d/checkpoint" % log.number
            try:
                data = self._small(name, MAX_CHECKPOINT)
                if data is None:
                    continue
                note, log.checkpoint = signed_checkpoint(data)
                if log.vkey is not None:
                    if log.checkpoint.origin != log.origin:
                        raise Fault("is of another log than its key")
                    if not note.signed_by(log.vkey):
                        raise Fault("is not signed with the key in logs/%d/key" % log.number)
            except Fault as fault:
                self._fault(log, name, str(fault))

    def _read_manifest(self):
        member = self.archive.members.get("manifest.note")
        if member is None:
            return
        log = self.logs[0]
        try:
            note = Note(self.archive.read(member, MAX_MANIFEST))
            if note.text.count(b"\n") > MAX_FILES + 5:
                raise Fault("has more lines than a bundle may have files")
            lines = utf8(note.text).split("\n")
            if len(lines) < 6 or lines[0] != "tickmark/bundle/v1":
                raise Fault("is not of the form tickmark/bundle/v1")
            if log.vkey is not None:
                if lines[1] != log.origin:
                    raise Fault("is about another log than log 0")
                if not note.signed_by(log.vkey):
                    raise Fault("is not signed with the key of log 0")
            read_time(lines[2])
            if lines[3] not in ("all", "selected"):
                raise Fault("has a scope that is neither all nor selected")
            self.created, self.scope = lines[2], lines[3]
        except Fault as fault:
            self._manifest_fault("manifest.note", str(fault))
            return
        self._compare_manifest(lines[4], lines[5:-1])

    def _manifest_fault(self, name, reason):
        """What the manifest says of files is about the bundle, and about no log."""
        self.manifest_holds = False
        self.problems.add(name, reason)

    def _compare_manifest(self, count, lines):
        if count != str(len(lines)):
            self._manifest_fault("manifest.note", "lists another number of files than it says")
        listed, before = set(), ""
        for line in lines:
            parts = line.split(" ", 2)
            if len(parts) != 3:
                self._manifest_fault("manifest.note", "has a line that is not hash, size and name")
                continue
            digest, size, name = parts
            if name <= before or name == "manifest.note":
                self._manifest_fault("manifest.note", "lists names that do not ascend, or itself")
            before = name
            listed.add(name)
            member = self.archive.members.get(name)
            if member is None:
                self._manifest_fault(shown(name), "is listed in the manifest and not there")
            elif digest != member.sha or size != str(member.size):
                self._manifest_fault(name, "is not the file that the manifest lists")
        for name in self.archive.members:
            if name not in listed and name != "manifest.note":
                self._manifest_fault(name, "is not listed in the manifest")

    # Entries and openings (rules 3, 4 and 6)

    def _read_log(self, log):
        openings = set(self.opening_files.get(log.number, ()))
        files = self.entry_files[log.number]
        for k in files:
            first = log.size
            leaves = self._read_entries(log, k, k == files[-1])
            if k in openings:
                openings.discard(k)
                self._read_openings(log, k, first, leaves)
            while len(log.ids_at) <= log.size:
                log.ids_at.append(len(log.ids))
        for k in sorted(openings):
            self._read_openings(log, k, log.size, [])

    def _read_entries(self, log, k, last):
        name = "logs/%d/entries/%09d.jsonl" % (log.number, k)
        try:
            lines = self.archive.read(self.archive.members[name], _LIMITS["entries"]).split(b"\n")
            if lines.pop():
                raise Fault("does not end in a line end")
            if len(lines) != PER_FILE and not (last and 1 <= len(lines) <= PER_FILE):
                raise Fault("has not the number of entries that belongs there")
            if sum(other.size for other in self.logs) + len(lines) > MAX_ENTRIES:
                raise Fault("goes beyond 4,194,304 entries")
        except Fault as fault:
            self._fault(log, name, str(fault))
            return []
        leaves = []
        for line in lines:
            leaf = None
            try:
                leaf = read_leaf(line)
                self._check_leaf(log, leaf)
            except Fault as fault:
                self._fault(log, entry_name(log.number, log.size), str(fault))
                log.bad[log.size] = str(fault)
            leaves.append(leaf)
            log.tree.append(leaf_hash(line))
            log.kinds.append(KINDS.index(leaf.kind) if leaf else 255)
            log.recorded.append(leaf.recorded if leaf else -1)
            log.opened.append(0)
            log.superseded.append(0)
            log.erased.append(0)
            self.steps.leaf(log, leaf)
        return leaves

    def _check_leaf(self, log, leaf):
        """What a leaf must be at its place; notes what it says of others."""
        index = log.size
        if leaf.index != index:
            raise Fault("has index %d" % leaf.index)
        if log.vkey is not None and leaf.log != log.origin:
            raise Fault("is an entry of another log")
        if index and leaf.recorded < log.recorded[-1]:
            raise Fault("was recorded before the entry before it")
        if index == 0:
            log.demo, log.continues = leaf.demo, leaf.answers
            self._check_epoch(leaf)
        if leaf.key is not None:
            if index:
                before = log.key_at(index)
                if before is None or not ed25519_verify(
                        before, rotation_text(leaf.log, index, leaf.key), leaf.signed):
                    raise Fault("changes the key without the signature of the key before")
            log.keys.append(leaf.key)
            log.keys_at.append(index)
            if self.trust.has(leaf.log, leaf.key):
                log.given = True
        if leaf.answers is not None and leaf.answers.log in self.by_origin:
            log.answers = True
        for other in leaf.erases:
            log.erased[other] = log.erased[other] or log.number << 32 | index + 1
        for other in leaf.supersedes:
            log.superseded[other] = log.superseded[other] or index + 1

    @staticmethod
    def _check_epoch(leaf):
        """A log that continues another has the next epoch (ledger.md, section 10)."""
        if leaf.answers is not None:
            if int(leaf.log.split("/")[2]) != int(leaf.answers.log.split("/")[2]) + 1:
                raise Fault("continues a log and has not the epoch after it")

    def _read_openings(self, log, k, first, leaves):
        name = "logs/%d/openings/%09d.jsonl" % (log.number, k)
        number, before, there = 0, -1, False
        try:
            for line in self.archive.lines(self.archive.members[name], MAX_OPENING):
                number, there = number + 1, True
                try:
                    value = members(parse_json(line, 64), ("index", "open"))
                    index = value["index"]
                    if not is_count(index) or index // PER_FILE != k:
                        raise Fault("has an index that does not belong in this file")
                    if index <= before:
                        raise Fault("does not follow the line before in ascending order")
                except Fault as fault:
                    self._opening_fault(name, "line %d %s" % (number, fault))
                    continue
                before = index
                self._open(log, index, value["open"], leaves[index - first] if 0 <= index - first < len(leaves) else None)
            if not there:
                raise Fault("has no openings")
        except Fault as fault:
            self._opening_fault(name, str(fault))

    def _opening_fault(self, name, reason):
        self.openings_hold = False
        self.problems.add(name, reason)

    def _open(self, log, index, value, leaf):
        name = entry_name(log.number, index)
        if index >= log.size:
            self._opening_fault(name, "is opened and not in the log")
            if len(log.absent) < MAX_ABSENT:
                log.absent.append(index)
            return
        while len(log.ids_at) <= index:
            log.ids_at.append(len(log.ids))
        log.opened[index] = 1
        if leaf is None:
            return
        opening = Opening(value, leaf.commit)
        log.ids += (opening.record_id() or "").encode()
        log.ids_at.append(len(log.ids))
        if opening.fault is not None:
            self._opening_fault(name, opening.fault)
            log.bad.setdefault(index, opening.fault)
        try:
            if opening.content is not None:
                media_type = opening.body.get("media_type") if opening.body else None
                if self.content(opening.content, media_type == CHUNKS):
                    log.missing.append(index)
            if leaf.kind == "anchor" and opening.body is not None:
                self._check_anchor(log, index, leaf, opening)
            if leaf.kind == "erasure" and opening.body is not None and opening.fault is None:
                self._bury(log, leaf, opening.body.get("records"))
        except Fault as fault:
            self.problems.add(name, str(fault))
            log.bad.setdefault(index, str(fault))
        self.steps.opening(log, index, leaf, opening, opening.fault is None and len(value) == len(leaf.commit))

    @staticmethod
    def _bury(log, leaf, records):
        """Which records of evidence an entry erased: what recorded them says it no more."""
        if isinstance(records, dict):
            erased = frozenset(leaf.erases)
            for name, index in records.items():
                if is_int(index) and index in erased and (index not in log.tombs or log.tombs[index] > name):
                    log.tombs[index] = name

    def _check_end(self, log):
        """The checkpoint, and the key in force at it."""
        name = "logs/%d/checkpoint" % log.number
        if log.checkpoint is not None:
            if log.checkpoint.size != log.size:
                self._fault(log, name, "is of %d entries, and the log has %d" % (log.checkpoint.size, log.size))
            elif log.checkpoint.root != log.tree.root(log.size):
                self._fault(log, name, "has a root that is not that of the entries")
        if log.vkey is not None:
            if log.key_at(log.size) != log.vkey.key:
                self._fault(log, "logs/%d/key" % log.number, "is not the key in force at the checkpoint")
            if self.trust.has(log.origin, log.vkey.key):
                log.given = True

    def _check_keys_given(self):
        if self.trust.keys and not self.logs[0].given:
            self._fault(self.logs[0], "logs/0/key", "is not a key that was given, nor follows from one")

    # Contents (rules 7 and 8)

    def content(self, content, is_list):
        """Whether the content, or a chunk of it, is not inside. Fault if it does not fit."""
        name, size = content
        if not is_list:
            return self._blob(name, size) is None
        if content not in self.lists:
            if len(self.lists) >= 10000:
                self.lists.clear()
            try:
                found = self.chunks(content)
                self.lists[content] = found is None or any(member is None for member, _ in found)
            except Fault as fault:
                self.lists[content] = fault
        known = self.lists[content]
        if isinstance(known, Fault):
            raise Fault(str(known))
        return known

    def chunks(self, content):
        """The members of a content in pieces, and how many things each holds."""
        member = self._blob(*content)
        if member is None:
            return None
        try:
            chunks = read_chunks(self.archive.read(member, MAX_CHUNK_LIST))
        except Fault as fault:
            raise Fault("names a list of chunks that %s" % fault) from None
        return [(self._blob(name, size), count) for name, size, count in chunks]

    def _blob(self, name, size):
        member = self.archive.members.get("blobs/" + name) or self.packs.find(name)
        if member is None:
            return None
        member.used = True
        if member.size != size:
            raise Fault("names a content of another size than blobs/%s has" % name)
        if member.sha != name:
            raise Fault("names a content, and blobs/%s is something else" % name)
        return member

    def _check_contents(self):
        if self.scope == "all":
            for log in self.logs:
                for index in log.missing:
                    if not log.erased[index]:
                        self.problems.add(entry_name(log.number, index), "names a content that is not inside")
                        log.bad.setdefault(index, "its content is not inside, and should be")
        for member in self.archive.members.values():
            if member.name.startswith("blobs/") and not member.used:
                self.problems.add(member.name, "is named by no opened content")
        self.packs.report_unused()

    # Answers to other logs (rule 5)

    def _check_answers(self, log):
        """Reads the leaves again that answer. Keys ascend, so `answers` is their first."""
        index = 0
        known = {}
        for k in self.entry_files[log.number]:
            member = self.archive.members["logs/%d/entries/%09d.jsonl" % (log.number, k)]
            try:
                lines = self.archive.read(member, _LIMITS["entries"]).split(b"\n")[:-1]
            except Fault:
                return
            for line in lines:
                if line.startswith(b'{"answers":') and index < log.size and log.kinds[index] < 255:
                    self._check_answer(log, index, read_leaf(line), known)
                index += 1

    def _check_answer(self, log, index, leaf, known):
        answer = leaf.answers
        target = self.by_origin.get(answer.log)
        if target is None:
            return
        note = sha256(answer.note.text + answer.note.signature)
        if note not in known:
            if len(known) >= 10000:
                known.clear()
            known[note] = self._judge_answer(target, answer)
        reason = known[note]
        if not reason and leaf.kind == "erasure":
            continues = self._continues(log, target)
            if continues:
                by = log.number << 32 | index + 1
                target.erased[answer.index] = target.erased[answer.index] or by
            elif continues is False:
                reason = "erases an entry of a log that this one does not continue"
        if reason:
            self.problems.add(entry_name(log.number, index), reason)
            log.bad.setdefault(index, reason)

    @staticmethod
    def _judge_answer(target, answer):
        size = answer.checkpoint.size
        if size > target.size:
            return "answers with a checkpoint beyond the log in this bundle"
        key = target.key_at(size)
        if key is None or not answer.note.signed_by(Vkey(answer.log, key)):
            return "answers with a checkpoint that is not signed with the key in force at its size"
        if answer.checkpoint.root != target.tree.root(size):
            return "answers with a checkpoint that is not one of the log in this bundle"
        return ""

    def _continues(self, log, target):
        """Whether a log continues another; None if the way leads out of this bundle."""
        seen = set()
        while log.number not in seen and log.continues is not None:
            seen.add(log.number)
            log = self.by_origin.get(log.continues.log)
            if log is None:
                return None
            if log is target:
                return True
        return False

    # Anchors (rule 10)

    def _check_anchor(self, log, index, leaf, opening):
        body = opening.body
        if body["op"] not in ("anchors.stamp", "anchors.cosign"):
            return
        self.anchors += 1
        if self.anchors > MAX_ANCHORS:
            raise Fault("is an anchor more than a bundle may open")
        if opening.body_size > MAX_ANCHOR_BODY:
            raise Fault("is an anchor with a body of more than 1,024 bytes")
        stamp = body["op"] == "anchors.stamp"
        fields = ("authority", "media_type", "nonce") if stamp else ("cosignature", "witness")
        members(body, ("id", "op", "size") + fields)
        if not is_int(body["size"]) or not 1 <= body["size"] <= index:
            raise Fault("anchors a checkpoint of a size that is not from 1 to its index")
        if not all(is_text(body[field]) for field in fields):
            raise Fault("is an anchor of another form")
        text = checkpoint_text(leaf.log, body["size"], log.tree.root(body["size"]))
        if stamp:
            self._check_stamp(log, index, leaf, opening, text)
        else:
            self._check_cosigned(log, index, leaf, body, text)

    def _check_stamp(self, log, index, leaf, opening, text):
        body = opening.body
        if body["media_type"] != STAMP or not re.match(r"[0-9a-f]{1,64}\Z", body["nonce"]):
            raise Fault("is a time stamp of another form")
        if "content" not in leaf.commit:
            raise Fault("is a time stamp without a content")
        found = (index, body["size"], body["authority"])
        member = self._blob(*opening.content) if opening.content is not None else None
        if member is None:
            log.anchors.append(found + (None, False, "the time stamp is not inside"))
            return
        try:
            stamp = TimeStamp(self.archive.read(member, MAX_STAMP), text, body["nonce"], self.trust.roots)
        except Fault as fault:
            raise Fault("has a time stamp that is broken: it %s" % fault) from None
        log.anchors.append(found + (stamp.millis, stamp.outcome == "", stamp.outcome))

    def _check_cosigned(self, log, index, leaf, body, text):
        if "content" in leaf.commit:
            raise Fault("is a cosignature with a content")
        cosignature = Cosignature(body["cosignature"])
        if cosignature.name != body["witness"]:
            raise Fault("has a cosignature in another name than its witness")
        names = self.trust.check_cosignature(cosignature, text)
        if names:
            log.signers.setdefault(body["size"], set()).update(names)
        log.anchors.append((index, body["size"], body["witness"], cosignature.seconds * 1000,
                            bool(names), "" if names else "no witness of this name and key is trusted"))

    # The order of events (rule 9) and the verdicts (section 6)

    def _check_order(self):
        if self.steps.engagement and self.manifest_holds and self.openings_hold \
                and not any(log.fault for log in self.logs):
            self.examination = Examination(self, self.steps).report()

    def _judge(self):
        quorum = self.trust.quorum is not None
        for log in self.logs:
            log.anchors.sort(key=lambda anchor: anchor[0])
            if quorum:
                log.witnessed = max((size for size, names in log.signers.items()
                                     if self.trust.cosigned(names)), default=0)
        if self.problems.list:
            self.verdict = "CORRUPTED"
        elif any(log.demo for log in self.logs):
            self.verdict = "DEMO"
        elif all(self._known(log) for log in self.logs):
            self.verdict = "VERIFIED"
        else:
            self.verdict = "CONSISTENT"

    def _known(self, log):
        return log.given and (self.trust.quorum is None or log.witnessed > 0)

    def items(self):
        """The verdict on each entry, one after the other."""
        for log in self.logs:
            base = "DEMO" if log.demo else "VERIFIED" if self._known(log) else "CONSISTENT"
            bracket = Bracket(log)
            for index in range(log.size):
                name = log.id_of(index) or entry_name(log.number, index)
                verdict, reason = self._item(log, index, base)
                after, by, clock = bracket.at(index)
                recorded = log.recorded[index]
                yield {"id": name, "verdict": verdict, "log": log.number, "index": index,
                       "kind": log.kind_of(index), "recorded": write_time(recorded) if recorded >= 0 else "",
                       "bracket": {"after": after, "by": by}, "reason": reason + clock}
            for index in log.absent:
                yield {"id": entry_name(log.number, index), "verdict": "NOT IN LOG", "log": log.number,
                       "index": index, "kind": "", "recorded": "", "bracket": {"after": "", "by": LOG_CLOCK},
                       "reason": "opened, and the log has no entry of this index"}

    @staticmethod
    def _item(log, index, base):
        if index in log.bad:
            return "CORRUPTED", "it " + log.bad[index]
        if log.fault:
            return "CORRUPTED", "its log does not hold: " + log.fault
        if log.erased[index]:
            number, by = log.erased[index] >> 32, (log.erased[index] & 0xFFFFFFFF) - 1
            return "ERASED", "erased by entry %d%s" % (by, "" if number == log.number else " of log %d" % number)
        if log.superseded[index]:
            return "SUPERSEDED", "superseded by entry %d" % (log.superseded[index] - 1)
        if log.opened[index]:
            return base, "in the log; opened, and what it says is what was committed to"
        return base, "in the log; not opened, so only its place, time and kind are shown"

    def report(self, name):
        log = self.logs[0]
        report = {"verdict": self.verdict, "file": name, "origin": log.origin,
                  "size": log.checkpoint.size if log.checkpoint else 0,
                  "root": base64.b64encode(log.checkpoint.root).decode() if log.checkpoint else "",
                  "key": "given" if log.given else "inside", "created": self.created, "scope": self.scope,
                  "items": self.items()}
        anchors = [{"log": log.number, "index": index, "size": size, "by": by,
                    "time": "" if millis is None else write_time(millis), "trusted": trusted, "reason": reason}
                   for log in self.logs for index, size, by, millis, trusted, reason in log.anchors]
        if anchors:
            report["anchors"] = anchors
        witnessed = [{"log": log.number, "size": log.witnessed} for log in self.logs if log.witnessed]
        if witnessed:
            report["witnessed"] = witnessed
        report["problems"] = self.problems.report()
        report["limits"] = self._limits()
        if self.examination is not None:
            report["examination"] = self.examination
        return report

    def _limits(self):
        total = sum(log.size for log in self.logs)
        closed = total - sum(sum(log.opened) for log in self.logs)
        limits = unused_keys(self.trust)
        if closed:
            limits.append("%d of %d entries are not opened: they are at their place in the log, and what they say "
                          "is not shown." % (closed, total))
        if not all(log.given for log in self.logs):
            limits.append("Of a log no key was given: whoever wrote the bundle may have made the key inside it.")
        if not any(anchor[4] for log in self.logs for anchor in log.anchors):
            limits.append("Times are those of the log's own clock. No anchor stands here that you trust, so the order "
                          "is proved and the hour is not.")
        if self.examination is not None:
            limits.append("The order of events does not show that a list is complete or that a judgement is right.")
        limits.append("Whoever holds the log's signing key could have signed another history. A checkpoint that you "
                      "or others kept from earlier would show it.")
        limits.append("Nothing here shows that evidence is true or that everything that happened was recorded.")
        return limits


def unused_keys(trust):
    return ["A key that was given fits no log here: %s" % text
            for pair, text in trust.keys.items() if pair not in trust.used]


class Bracket:
    """Between which times an entry was put into its log, by the anchors that are trusted."""

    def __init__(self, log):
        self.log = log
        trusted = sorted((anchor[1], anchor[3]) for anchor in log.anchors if anchor[4])
        self.sizes = [size for size, _ in trusted]
        self.latest, self.earliest = [], [millis for _, millis in trusted]
        for _, millis in trusted:
            self.latest.append(max(millis, self.latest[-1]) if self.latest else millis)
        for i in range(len(trusted) - 2, -1, -1):
            self.earliest[i] = min(self.earliest[i], self.earliest[i + 1])

    def at(self, index):
        """After, by, and what is to be said of the log's own clock."""
        at = bisect.bisect_right(self.sizes, index)
        recorded, clock = self.log.recorded[index], ""
        before = self.log.recorded[index - 1] if index else -1
        after, by = write_time(before) if before >= 0 else "", LOG_CLOCK
        if at:
            after = write_time(self.latest[at - 1])
            if 0 <= recorded < self.latest[at - 1] - CLOCK_OFF:
                clock = CLOCK_WRONG
        if at < len(self.sizes):
            by = write_time(self.earliest[at])
            if recorded > self.earliest[at] + CLOCK_OFF:
                clock = CLOCK_WRONG
        return after, by, clock


CLOCK_WRONG = "; the log's clock was wrong or was set: it recorded a time outside of what anchors show"


# --- 11. The order of events (examination.md) --------------------------------

# What a field of a step must be; see _field.
_FILE_STEPS = {
    "commit": ("sample", False, {"population": "text", "commitment": "hash"}),
    "accept": ("population", False, {"version": "count", "digest": "hash", "decision": "text"}),
    "draw": ("sample", True, {"population": "text", "procedure": "text", "version": "count", "digest": "hash",
                              "commitment": "hash", "nonce": "hash", "control": "text", "period": "text",
                              "method": "text", "n": "count", "total": "count", "seed": "hash"}),
    "extend": ("sample", True, {"procedure": "text", "from": "count", "to": "count", "reason": "text"}),
    "link": ("evidence", False, {"procedure": "text", "items": "texts"}),
    "test": ("test", False, {"marks": "marks"}),
    "full": ("test", True, {"population": "text", "version": "count", "digest": "hash", "attribute": "text",
                            "total": "count", "agrees": "count", "deviates": "count", "unknown": "count"}),
    "control": ("conclusion", False, {"control": "text", "decision": "text", "tested": "count",
                                      "deviations": "count"}),
    "review": ("signoff", False, {}),
    "criterion": ("conclusion", False, {"criterion": "text", "decision": "text"}),
    "part": ("conclusion", False, {"part": "text", "decision": "text"}),
    "draft": ("op", True, {}),
    "opinion": ("signoff", False, {"parts": "decisions"}),
    "issue": ("signoff", True, {}),
}
_CLIENT_STEPS = {
    "seal": ("population", True, {"version": "count", "commitment": "hash", "digest": "hash", "rows": "count",
                                  "period": "text", "records": "count"}),
    "link": ("evidence", False, {"procedure": "text", "items": "texts"}),
    "assertion": ("signoff", False, {"draft": "hash"}),
}
_RULES = {"seal": "E2", "accept": "E3", "draw": "E4", "extend": "E4", "link": "E5", "test": "E6", "full": "E6",
          "control": "E7", "review": "E8", "assertion": "E8", "opinion": "E8"}
_MARKS = ("agrees", "deviation", "not_applicable", "reperformed", "untested")
_WITHOUT_MARKS = ("undetermined", "no_occurrence", "not_suitably_designed")
_OF_NOTHING = ("undetermined", "not_suitably_designed")
_NOT_AFTER_OPINION = ("accept", "draw", "extend", "test", "full", "control", "criterion", "part")
_NOT_ERASED = ("population", "sample", "test", "conclusion", "signoff")
_PERIOD = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})/([0-9]{4}-[0-9]{2}-[0-9]{2})\Z")
_ROW = re.compile(rb"([^\t]+)\t([0-9a-f]{64})\Z")
_RECORD = re.compile(rb"([^\t]+)\t([0-9a-f]{64})\t(.*)\Z", re.DOTALL)
_RESULT = re.compile(rb"([^\t]+)\t(agrees|deviates|deviation|unknown)\Z")
_WHITE = "".join(map(chr, list(range(9, 14)) + [0x20, 0x85, 0xA0, 0x1680] + list(range(0x2000, 0x200B))
                     + [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]))


class Step:
    """An opened entry whose body has `step`."""

    def __init__(self, log, index, leaf, opening):
        self.log, self.index, self.kind = log, index, leaf.kind
        self.recorded = leaf.recorded
        self.answers = leaf.answers
        self.supersedes, self.items = leaf.supersedes, leaf.items
        self.body, self.actor, self.content = opening.body, opening.actor, opening.content
        self.word = self.body["step"]
        self.id = self.body.get("id")
        self.chunked = self.body.get("media_type") == CHUNKS

    def __getitem__(self, name):
        return self.body[name]

    def get(self, name):
        return self.body.get(name)

    def check(self, steps):
        """Its kind, its fields and its content, as the tables of section 2 say."""
        kind, content, fields = steps[self.word]
        if self.kind != kind:
            raise Fault("is the step %s and not of kind %s" % (self.word, kind))
        if self.id is None:
            raise Fault("is the step %s without an id" % self.word)
        for name, form in fields.items():
            if not _field(self.body.get(name), form):
                raise Fault("is the step %s, and its %s is of another form" % (self.word, name))
        if content and self.content is None:
            raise Fault("is the step %s without a content" % self.word)


def _field(value, form):
    if form == "text":
        return is_text(value)
    if form == "hash":
        return is_hash(value)
    if form == "count":
        return is_count(value)
    if form == "texts":
        return isinstance(value, list) and bool(value) and all(map(is_text, value))
    if form == "decisions":
        return isinstance(value, dict) and all(map(is_text, value)) and all(map(is_text, value.values()))
    return (isinstance(value, list) and bool(value)
            and all(isinstance(mark, dict) and is_text(mark.get("item")) and is_text(mark.get("attribute"))
                    and mark.get("mark") in _MARKS for mark in value))


class Steps:
    """Collects the steps of log 0 and log 1 while they are read."""

    def __init__(self, bundle):
        self.bundle = bundle
        self.found = ([], [])
        self.seen = array.array("Q")           # of the client's log, at each entry of the file
        self.closed = (bytearray(), bytearray())  # 1: opened not at all, or not with all
        self.engagement, self.size, self.too_many = False, 0, False

    def leaf(self, log, leaf):
        if log.number > 1:
            return
        answers = leaf.answers if leaf is not None else None
        other = self.bundle.logs[1 - log.number].origin if len(self.bundle.logs) > 1 else ""
        joined = answers is not None and answers.log == other
        closed = leaf is not None and bool(leaf.commit)
        if log.number == 0:
            seen = self.seen[-1] if self.seen else 0
            self.seen.append(max(seen, answers.checkpoint.size) if joined else seen)
            self.closed[0].append(closed)
        else:
            self.closed[1].append(joined and closed)

    def opening(self, log, index, leaf, opening, whole):
        if log.number > 1:
            return
        if whole:
            self.closed[log.number][index] = 0
        body = opening.body
        word = body.get("step") if body is not None else None
        if not isinstance(word, str) or word not in (_FILE_STEPS if log.number == 0 else _CLIENT_STEPS):
            return
        if log.number == 0 and word != "link":
            self.engagement = True
        self.size += opening.body_size
        if self.size > MAX_STEPS:
            self.too_many = True
        elif log.number == 0 or self.engagement:
            self.found[log.number].append(Step(log.number, index, leaf, opening))


class Frontier:
    """The root of a tree of which only the rightmost nodes are kept."""

    def __init__(self):
        self.nodes, self.size = [], 0

    def append(self, data):
        digest = leaf_hash(data)
        n = self.size
        while n & 1:
            digest = node_hash(self.nodes.pop(), digest)
            n >>= 1
        self.nodes.append(digest)
        self.size += 1

    def root(self):
        root = self.nodes[-1] if self.nodes else sha256(b"")
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


class Population:
    def __init__(self, name):
        self.id, self.code = name, ""
        self.commits, self.seals, self.accepts, self.draws, self.events = [], [], [], [], []
        self.compared = False


class Procedure:
    def __init__(self, name):
        self.id = name
        self.draws, self.fulls, self.tests, self.controls, self.reviews = [], [], [], [], []
        self.extends, self.events = [], []
        self.sample = {}      # item -> index in the file of the draw or extend that it came by
        self.recomputed = False
        self.linked = {}      # item -> the first index in the file that comes after a link of it
        self.marks = {}       # (item, attribute) -> the last mark
        self.deviating = {}   # index of a full -> a bit for each row

    def drawn(self, before):
        return [item for item, index in self.sample.items() if index < before]

    def marked(self):
        """The items that bear a mark, and those with a deviation."""
        bear = {item for (item, _), mark in self.marks.items() if mark != "untested"}
        return bear, {item for (item, _), mark in self.marks.items() if mark == "deviation"}


class Examination:
    """The rules E1 to E8."""

    def __init__(self, bundle, steps):
        self.bundle, self.steps = bundle, steps
        self.archive = bundle.archive
        self.file = bundle.logs[0]
        self.client = bundle.logs[1] if len(bundle.logs) > 1 else None
        self.populations, self.procedures = {}, {}
        self.drawn = set()    # (control, population)
        self.actors = {}      # procedure -> who made a test, full or control of it
        self.rows_read = 0
        self.report_events = []
        if steps.too_many:
            self._problem(self.file, 0, "has steps in its log whose bodies have more than 64 MiB together")
            return
        if bundle.scope != "selected":
            bundle.problems.add("manifest.note", "has not the scope selected, as the bundle of an engagement has")
        if self.client is None:
            bundle.problems.add("logs/1/key", "is not there: log 1 of an engagement is the client's")
        self._check_opened()
        self.in_file = self._valid(steps.found[0], _FILE_STEPS)
        self.in_client = self._valid(self._ours(steps.found[1]), _CLIENT_STEPS)
        self.by_index = {step.index: step for step in self.in_file}
        self.client_by_index = {step.index: step for step in self.in_client}
        for step in self.in_file:
            if step.word in ("test", "full", "control"):
                self.actors.setdefault(step.id, set()).add(step.actor)
        self._first_links()
        self._commits()
        self._seals()
        self._events()
        for step in self.in_file:
            if step.word in ("accept", "draw", "extend"):
                self._try(step, getattr(self, "_" + step.word))
        for step in self.in_client:
            if step.word in ("link", "assertion"):
                self._try(step, getattr(self, "_client_" + step.word))
        for step in self.in_file:
            if step.word in ("link", "test", "full", "control", "review"):
                self._try(step, getattr(self, "_" + step.word))
        self._conclusions()

    def _problem(self, log, index, reason):
        self.bundle.problems.add(entry_name(log.number if log else 0, index), reason)

    def _try(self, step, rule):
        try:
            rule(step)
        except Fault as fault:
            reason = str(fault)
            if not re.match("E[1-8]: ", reason):
                reason = "%s: %s" % (_RULES[step.word], reason)
            self.bundle.problems.add(entry_name(step.log, step.index), reason)

    def _faults(self, step, *checks):
        """Reports each check that does not hold: pairs of a condition and a reason."""
        for holds, reason in checks:
            if not holds:
                self.bundle.problems.add(entry_name(step.log, step.index), reason)

    def _population(self, name):
        return self.populations.setdefault(name, Population(name))

    def _procedure(self, name):
        return self.procedures.setdefault(name, Procedure(name))

    # Section 1 and 2

    def _check_opened(self):
        for log in (self.file, self.client):
            if log is None:
                continue
            closed = self.steps.closed[log.number]
            for index in range(log.size):
                if closed[index] and not log.erased[index]:
                    self._problem(log, index, "is not opened with all that it commits to, as the bundle of an engagement "
                                              "must open it")
                if log is self.file and log.erased[index] and log.kind_of(index) in _NOT_ERASED:
                    self._problem(log, index, "is erased, and of a kind that an engagement does not erase")

    def _ours(self, found):
        """The client's steps without those that belong to another engagement."""
        known = set()
        for step in self.steps.found[0]:
            known.update(value for value in (step.id, step.get("procedure")) if isinstance(value, str))
        return [step for step in found
                if step.answers is not None and step.answers.log == self.file.origin
                or step.id in known or isinstance(step.get("procedure"), str) and step["procedure"] in known]

    def _valid(self, found, steps):
        valid = []
        for step in found:
            try:
                step.check(steps)
                if step.content is not None and (step.log == 0 or step.word == "seal") \
                        and self.bundle.content(step.content, step.chunked):
                    raise Fault("is the step %s, and its content is not inside" % step.word)
            except Fault as fault:
                self.bundle.problems.add(entry_name(step.log, step.index), str(fault))
                continue
            valid.append(step)
        return valid

    def _answered(self, step, words):
        """The step of the other log that this one answers."""
        other, known = (self.client, self.client_by_index) if step.log == 0 else (self.file, self.by_index)
        answers = step.answers
        found = known.get(answers.index) if answers is not None and other is not None \
            and answers.log == other.origin else None
        if found is None or found.word not in words:
            raise Fault("is the step %s and does not answer a %s" % (step.word, " or ".join(words)))
        return found

    # Contents (section 3)

    def _lines(self, step, limit):
        """The lines of a content, in pieces or in one."""
        if step.chunked:
            pieces = self.bundle.chunks(step.content)
        else:
            pieces = [(self.bundle._blob(*step.content), None)]
        if pieces is None or any(member is None for member, _ in pieces):
            raise Fault("has a content that is not inside")
        for member, count in pieces:
            lines = 0
            for line in self.archive.lines(member, limit):
                lines += 1
                yield line
            if count is not None and lines != count:
                raise Fault("has a chunk with another number of lines than it says")

    def _rows(self, seal):
        """The rows of a sealed list: the item, and its commitment in hexadecimal."""
        if not seal.chunked:
            raise Fault("has rows that are not a list of chunks")
        before = b""
        for line in self._lines(seal, MAX_ROW):
            m = _ROW.match(line)
            if m is None:
                raise Fault("has a row that is not an item, a tab and its commitment")
            item = m.group(1)
            text = utf8(item)
            if has_control(text) or text.startswith("\ufeff"):
                raise Fault("has an item with a control character, or that begins with U+FEFF")
            if item <= before:
                raise Fault("has items that do not ascend")
            before = item
            yield item, m.group(2)

    def _items(self, seal):
        return (item for item, _ in self._rows(seal))

    def _records(self, entry):
        for line in self._lines(entry, MAX_RECORD):
            m = _RECORD.match(line)
            if m is None:
                raise Fault("has a record that is not an item, a tab, r, a tab and the record")
            yield m.groups()

    def _entry(self, log, index):
        """Opens an entry again; None if it is not opened."""
        if not log.opened[index]:
            return None
        k = index // PER_FILE
        lines = self.archive.read(self.archive.members["logs/%d/entries/%09d.jsonl" % (log.number, k)],
                                  _LIMITS["entries"]).split(b"\n")
        leaf = read_leaf(lines[index % PER_FILE])
        prefix = b'{"index":%d,' % index
        for line in self.archive.lines(self.archive.members["logs/%d/openings/%09d.jsonl" % (log.number, k)],
                                       MAX_OPENING):
            if line.startswith(prefix):
                opening = Opening(parse_json(line, 64)["open"], leaf.commit)
                if opening.body is None:
                    return None
                opening.body.setdefault("step", "")
                return Step(log.number, index, leaf, opening)
        return None

    def _is_evidence(self, index, name):
        """Whether this entry of the client's log records this evidence."""
        client = self.client
        return client is not None and index < client.size and self._recorded(index) == name

    def _recorded(self, index):
        """Which evidence an entry of the client's log records; of an erased one, what erased it says."""
        if self.client.kind_of(index) != "evidence" or index in self.client_links:
            return None
        return self.client.id_of(index) if self.client.opened[index] else self.client.tombs.get(index)

    def _first_links(self):
        """Which entries of the client's log are links, and where each evidence is recorded first."""
        self.client_links = {step.index for step in self.steps.found[1] if step.word == "link"}
        self.evidence = {}
        if self.client is not None:
            for index in range(self.client.size):
                name = self._recorded(index)
                if name is not None:
                    self.evidence.setdefault(name, index)

    # E1 and E2

    def _commits(self):
        for step in self.in_file:
            if step.word == "commit":
                population = self._population(step.id)
                if population.commits:
                    self._problem(self.file, step.index, "E1: commits to a nonce for this population a second time")
                population.commits.append(step)
                population.code = population.commits[0]["population"]

    def _seals(self):
        for step in self.in_client:
            if step.word == "seal":
                self._try(step, self._seal)

    def _seal(self, step):
        population = self._population(step.id)
        before = population.seals[-1] if population.seals else None
        population.seals.append(step)
        population.compared = False
        self._faults(step, (_is_period(step["period"]), "E2: its period is not two dates"))
        if before is not None:
            self._faults(
                step, (step["version"] > before["version"], "E2: its version is not above that of the seal before"),
                (before.index in step.supersedes, "E2: does not supersede the seal before"))
        try:
            commit = self._answered(step, ("commit",))
            if commit.id != step.id or commit["commitment"] != step["commitment"]:
                raise Fault("does not answer the commitment of its population")
        except Fault as fault:
            self._faults(step, (False, "E2: %s" % fault))
        self._check_rows(step)
        self._check_records(step, population)

    def _check_rows(self, step):
        digest, tree = hashlib.sha256(), Frontier()
        for item, commit in self._rows(step):
            digest.update(item + b"\t" + commit + b"\n")
            tree.append(bytes.fromhex(commit.decode()))
        if tree.size == 0:
            digest.update(b"\n")
        self.rows_read += tree.size
        self._faults(
            step, (tree.size == step["rows"], "E2: has another number of rows than it says"),
            (digest.hexdigest() == step["digest"], "E2: has rows of another digest than it says"),
            (step.items == (tree.size, tree.root().hex()), "E2: has rows that are not the items of the entry"))

    def _records_of(self, seal):
        """The entry with the records of a list, or None if its content is not inside."""
        index = seal["records"]
        if index >= seal.index:
            raise Fault("E2: names records that do not come before it")
        entry = self._entry(self.client, index)
        if entry is None:
            if self.client.erased[index]:
                return None
            raise Fault("E2: names records in an entry that is not opened")
        if entry.kind != "evidence" or entry.content is None or not entry.chunked:
            raise Fault("E2: names records in an entry that is not evidence with a list of chunks")
        return None if self.bundle.content(entry.content, True) else entry

    def _check_records(self, step, population):
        entry = self._records_of(step)
        if entry is None:
            return
        records = self._records(entry)
        for item, commit in self._rows(step):
            found = next(records, None)
            if found is None or found[0] != item:
                raise Fault("E2: has rows that are not the items of its records")
            _, r, record = found
            if not isinstance(parse_json(record, 64), dict):
                raise Fault("E2: has a record that is not an object")
            payload = b'{"item":%s,"record":%s}' % (quote(utf8(item)).encode(), record)
            if commitment(b"item", payload, bytes.fromhex(r.decode())).hex().encode() != commit:
                raise Fault("E2: has a row that does not commit to its record")
        if next(records, None) is not None:
            raise Fault("E2: has more records than rows")
        population.compared = True

    # E3 and E4

    def _sealed(self, step, name):
        """The seal that a step answers, of this population, version and digest."""
        seal = self._answered(step, ("seal",))
        if seal.id != name or seal["version"] != step["version"] or seal["digest"] != step["digest"]:
            raise Fault("E3: answers a seal of another population, version or digest")
        return seal

    def _accept(self, step):
        self._population(step.id).accepts.append(step)
        self._faults(step, (step["decision"] in ("complete", "explained", "rejected"),
                            "E3: decides something else than complete, explained or rejected"))
        self._sealed(step, step.id)

    def _check_decided(self, step, seal):
        """That the last decision on the version lets it be used, and that it is the newest seen."""
        population = self._population(seal.id)
        last = [a for a in population.accepts if a.index < step.index and a["version"] == step["version"]][-1:]
        newer = any(other["version"] > step["version"] and other.index < self.steps.seen[step.index]
                    for other in population.seals)
        self._faults(step, (bool(last) and last[0]["decision"] in ("complete", "explained"),
                            "E3: uses a list that was not found complete or explained before"),
                     (not newer, "E3: uses a list of which the file had seen a later version"))

    def _draw(self, step):
        population, procedure = self._population(step["population"]), self._procedure(step["procedure"])
        population.draws.append(step)
        first = population.draws[0].index
        pair = step["control"], step["population"]
        self._faults(step, (not procedure.draws, "E4: draws for a procedure a second time"),
                     (pair not in self.drawn, "E4: draws for this control from this population a second time"))
        self.drawn.add(pair)
        procedure.draws.append(step)
        commits = [c for c in population.commits if c.index < step.index]
        nonce = bytes.fromhex(step["nonce"])
        self._faults(
            step, (bool(commits), "E4: draws without a commitment before"),
            (not commits or sha256(nonce).hex() == commits[0]["commitment"],
             "E4: reveals a nonce that is not the one committed to"),
            (not has_control(step["control"]), "E4: its control is not one line"),
            (any(a.index < first and a["version"] == step["version"] for a in population.accepts),
             "E4: draws from a version on which nothing was decided before the first draw"))
        seed = draw_seed(nonce, step["digest"], step["control"], step["period"])
        self._faults(step, (seed.hex() == step["seed"], "E4: its seed does not follow from the nonce and the list"))
        seal, picks, strata = None, [], None
        try:
            seal = self._sealed(step, step["population"])
        except Fault as fault:
            self._faults(step, (False, "%s" % fault))
        try:
            picks, strata = self._read_draw(step, step["method"] == "stratified")
        except Fault as fault:
            self._faults(step, (False, "E4: %s" % fault))
        for pick in picks if len(procedure.draws) == 1 else ():
            procedure.sample[pick["item"]] = step.index
        if seal is None:
            return
        self._faults(step, (step["commitment"] == seal["commitment"] and step["total"] == seal["rows"]
                            and step["period"] == seal["period"],
                            "E4: its commitment, total or period is not that of the list"))
        self._check_decided(step, seal)
        if step["n"] > min(seal["rows"], MAX_SAMPLE):
            raise Fault("E4: draws more items than there are, or may be")
        if picks != self._sample(step, seal, seed, strata):
            raise Fault("E4: its sample is not the one that follows from the seed")
        if strata is not None and is_text(step.get("strata_by")):
            self._check_strata(step, seal, strata)
        procedure.recomputed = True

    def _read_draw(self, step, by_strata):
        """The picks of a draw or an extension, and the strata, in the form of section 3."""
        if step.chunked:
            raise Fault("has a draw that is not in one piece")
        text = utf8(self.archive.read(self.bundle._blob(*step.content), MAX_DRAW))
        picks, strata, at = [], [], self._behind(text, '{"picks":', 0)
        for pick, at in elements(text, at, 3):
            if pick is None:
                break
            members(pick, ("item", "rank") + (("stratum",) if by_strata else ()))
            if not is_text(pick["item"]) or not is_int(pick["rank"]) or not 1 <= pick["rank"] <= 999999999 \
                    or by_strata and not isinstance(pick["stratum"], str):
                raise Fault("has a pick of another form")
            if len(picks) == MAX_SAMPLE:
                raise Fault("has a sample of more than 131,072 items")
            picks.append(pick)
        if by_strata:
            for pair, at in elements(text, self._behind(text, ',"strata":', at), 3):
                if pair is None:
                    break
                if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
                    raise Fault("has strata of another form")
                strata.append(pair)
        if self._behind(text, ',"v":1}', at) != len(text):
            raise Fault("has a draw with something behind it")
        return picks, strata if by_strata else None

    @staticmethod
    def _behind(text, part, at):
        """The fields of a draw have one order, since keys ascend."""
        if not text.startswith(part, at):
            raise Fault("has a draw of another form")
        return at + len(part)

    def _sample(self, step, seal, seed, strata):
        """What section 4 draws, as the picks of a draw."""
        n, method = step["n"], step["method"]
        if method == "random":
            found = first_of_order(self._items(seal), seed, n)
        elif method == "systematic":
            found = self._systematic(seal, seed, n)
        elif method == "stratified":
            if strata is None:
                raise Fault("E4: draws by strata and has none")
            return self._stratified(step, seal, seed, strata)
        else:
            raise Fault("E4: draws by a method that is none")
        return [{"item": item.decode(), "rank": rank} for rank, item in enumerate(found, 1)]

    def _systematic(self, seal, seed, n):
        total = seal["rows"]
        if n == 0:
            return []
        start = int.from_bytes(hmac.digest(seed, b"systematic-start", "sha256")[:8], "big") % total
        found = []
        for place, item in enumerate(self._items(seal)):
            if len(found) < n and place == (start + len(found) * total) // n:
                found.append(item)
        return found

    def _stratified(self, step, seal, seed, strata):
        pairs = iter(strata)
        groups = {}
        for item in self._items(seal):
            pair = next(pairs, None)
            if pair is None or pair[0].encode() != item:
                raise Fault("E4: its strata are not those of the items of the list in their order")
            groups.setdefault(pair[1].encode(), []).append(item)
        if next(pairs, None) is not None:
            raise Fault("E4: its strata have more items than the list")
        shares = allocate({name: len(group) for name, group in groups.items()}, step["n"])
        return [{"item": item.decode(), "rank": rank, "stratum": name.decode()}
                for name in sorted(groups)
                for rank, item in enumerate(first_of_order(groups[name], seed, shares[name]), 1)]

    def _check_strata(self, step, seal, strata):
        entry = self._records_of(seal)
        if entry is None:
            return
        for (item, stratum), (found, _, record) in zip(strata, self._records(entry)):
            fields = parse_json(record, 64).get("fields")
            if found.decode() != item or not isinstance(fields, dict) or step["strata_by"] not in fields:
                raise Fault("E4: names a field for the strata that a record has not")
            value = fields[step["strata_by"]]
            if (value.strip(_WHITE) if isinstance(value, str) else canonical(value)) != stratum:
                raise Fault("E4: has a stratum that is not what the record says")

    def _extend(self, step):
        procedure = self._procedure(step["procedure"])
        procedure.extends.append(step)
        if not procedure.draws:
            raise Fault("E4: extends a sample that was not drawn before")
        draw = procedure.draws[0]
        sample = len(procedure.sample)
        whole = procedure.recomputed
        procedure.recomputed = False
        picks, _ = self._read_draw(step, False)
        if step["from"] != sample or step["to"] <= step["from"] or step["to"] > MAX_SAMPLE:
            raise Fault("E4: extends from another size than the sample has, or to none above")
        expected = None
        if draw.answers is not None and draw.answers.index in self.client_by_index:
            seal = self.client_by_index[draw.answers.index]
            seed = bytes.fromhex(draw["seed"])
            order = first_of_order(self._items(seal), seed, step["to"] + sample)
            following = [item for item in (raw.decode() for raw in order) if item not in procedure.sample]
            expected = [{"item": item, "rank": rank} for rank, item
                        in enumerate(following[:step["to"] - sample], sample + 1)]
        for pick in picks:
            procedure.sample.setdefault(pick["item"], step.index)
        if picks != expected or len(picks) != step["to"] - step["from"]:
            raise Fault("E4: does not add the items that come next in the order")
        procedure.recomputed = whole

    # E5

    def _client_link(self, step):
        procedure = self._procedure(step["procedure"])
        if step.answers is None or step.answers.log != self.file.origin:
            raise Fault("E5: links without an answer to the file")
        answered = step.answers.index
        if procedure.draws:
            found = self.by_index.get(answered)
            if found is None or found.word not in ("draw", "extend") or found["procedure"] != procedure.id:
                raise Fault("E5: does not answer the draw or an extend of its procedure")
            self._faults(step, (all(procedure.sample.get(item, answered + 1) <= answered for item in step["items"]),
                                "E5: links an item that was not in the sample by the entry answered"))
        first = self.evidence.get(step.id)
        self._faults(step, (first is not None and first < step.index,
                            "E5: links evidence that no earlier entry of its log records"))
        self._linked(procedure, step["items"], bisect.bisect_right(self.steps.seen, step.index))

    @staticmethod
    def _linked(procedure, items, index):
        for item in items:
            procedure.linked[item] = min(index, procedure.linked.get(item, index))

    def _link(self, step):
        procedure = self._procedure(step["procedure"])
        answers = step.answers
        self._faults(step, (answers is not None and self.client is not None and answers.log == self.client.origin
                            and self._is_evidence(answers.index, step.id),
                            "E5: does not answer the entry that records the evidence"))
        if procedure.draws:
            self._faults(step, (all(procedure.sample.get(item, step.index) < step.index for item in step["items"]),
                                "E5: links an item that was not in the sample before"))
        self._linked(procedure, step["items"], step.index + 1)

    # E6

    def _test(self, step):
        procedure = self._procedure(step.id)
        procedure.tests.append(step)
        if step.answers is not None:
            self._faults(step, (self.client is not None and step.answers.log == self.client.origin
                                and step.answers.index in self.client_links,
                                "E6: answers something else than a link"))
        sampled = linked = True
        for mark in step["marks"]:
            item = mark["item"]
            sampled &= not procedure.draws or procedure.sample.get(item, step.index) < step.index
            linked &= (mark["mark"] in ("deviation", "untested")
                       or procedure.linked.get(item, step.index + 1) <= step.index)
            procedure.marks[item, mark["attribute"]] = mark["mark"]
        self._faults(step, (sampled, "E6: marks an item that was not in the sample before"),
                     (linked, "E6: marks an item that was not linked before"))

    def _full(self, step):
        procedure = self._procedure(step.id)
        procedure.fulls.append(step)
        seal = self._sealed(step, step["population"])
        self._check_decided(step, seal)
        counts = {b"agrees": 0, b"deviates": 0, b"unknown": 0}
        deviating, items, rows = bytearray(), self._items(seal), 0
        for line in self._lines(step, MAX_ROW + 16):
            m = _RESULT.match(line)
            if m is None or next(items, None) != m.group(1):
                raise Fault("E6: has results that are not those of the items of the list in their order")
            result = b"deviates" if m.group(2) == b"deviation" else m.group(2)
            counts[result] += 1
            if rows % 8 == 0:
                deviating.append(0)
            deviating[-1] |= (result == b"deviates") << rows % 8
            rows += 1
        if next(items, None) is not None:
            raise Fault("E6: has not a result for every item of the list")
        procedure.deviating[step.index] = int.from_bytes(deviating, "little")
        self._faults(step, (rows == step["total"] and all(counts[k.encode()] == step[k]
                                                          for k in ("agrees", "deviates", "unknown")),
                            "E6: its counts are not those of its results"))

    # E7

    def _control(self, step):
        procedure = self._procedure(step.id)
        procedure.controls.append(step)
        free = step["decision"] in _WITHOUT_MARKS
        tests = procedure.tests + procedure.fulls
        self._faults(step, (free or bool(tests), "E7: concludes without a test before"))
        draws = [draw for draw in procedure.draws if draw.index < step.index]
        marked, deviating = procedure.marked()
        if draws or not procedure.fulls:
            tested, deviations = len(marked), len(deviating)
            if draws:
                sample = procedure.drawn(step.index)
                self._faults(step, (step["control"] == draws[0]["control"],
                                    "E7: concludes about another control than was drawn for"),
                             (free or all(item in marked for item in sample),
                              "E7: concludes while an item of the sample bears no mark"))
            else:
                self._faults(step, (marked <= {step["control"]} and (free or bool(marked)),
                                    "E7: looks at something else than the control itself"))
            holds = tested == step["tested"] or free and step["tested"] < tested
            self._faults(step, (holds and deviations == step["deviations"],
                                "E7: says another number of items tested, or of deviations, than the marks show"))
            return
        last = procedure.fulls[-1]
        newest = {full["attribute"]: full for full in procedure.fulls
                  if full["version"] == last["version"] and full["population"] == last["population"]}
        bits = 0
        for full in newest.values():
            bits |= procedure.deviating.get(full.index, 0)
        tested, deviations = last["total"], bin(bits).count("1")
        self._faults(step, ((step["tested"], step["deviations"]) == (tested, deviations)
                            or step["decision"] in _OF_NOTHING and step["tested"] == step["deviations"] == 0,
                            "E7: says another number of items tested, or of deviations, than the full tests show"))

    # E8

    def _review(self, step):
        procedure = self._procedure(step.id)
        procedure.reviews.append(step)
        self._faults(step, (bool(procedure.controls), "E8: reviews what was not concluded before"))
        made = self.actors.get(step.id, ())
        self._faults(step, (step.actor is not None and step.actor not in made and None not in made,
                            "E8: is the review of somebody who tested or concluded here"))

    def _client_assertion(self, step):
        draft = self._answered(step, ("draft",))
        self._faults(step, (draft.id == step.id and draft.content[0] == step["draft"],
                            "E8: asserts something else than the draft that it answers"))

    def _conclusions(self):
        opinions = [step for step in self.in_file if step.word == "opinion"]
        issues = [step for step in self.in_file if step.word == "issue"]
        for step in opinions[1:]:
            self._problem(self.file, step.index, "E8: is a second opinion")
        for step in issues[1:]:
            self._problem(self.file, step.index, "E8: is a second issue")
        if opinions:
            self._try(opinions[0], self._opinion)
            for step in self.in_file:
                if step.index > opinions[0].index and step.word in _NOT_AFTER_OPINION:
                    self._problem(self.file, step.index, "E8: comes after the opinion")
        if issues:
            at = issues[0].index
            self._faults(issues[0], (bool(opinions) and opinions[0].index < at, "E8: comes before the opinion"))
            for step in self.in_file:
                if step.index > at and step.word in ("link", "review"):
                    self._problem(self.file, step.index, "E8: comes after the report was issued")
            for step in self.in_client:
                if step.word == "link" and step.answers is not None and step.answers.log == self.file.origin \
                        and step.answers.checkpoint.size > at:
                    self._problem(self.client, step.index, "E8: comes after the report was issued")

    def _opinion(self, step):
        last = {other["part"]: other["decision"] for other in self.in_file
                if other.word == "part" and other.index < step.index}
        for part, decision in step["parts"].items():
            self._faults(step, (last.get(part) == decision,
                                "E8: says of the part %s what was not decided last before" % shown(part)))
        for procedure in self.procedures.values():
            deeds = procedure.draws + procedure.extends + procedure.tests + procedure.fulls
            if not deeds:
                continue
            latest = max(deed.index for deed in deeds)
            control = procedure.controls[-1].index if procedure.controls else -1
            holds = (latest < control < step.index
                     and any(control < review.index < step.index for review in procedure.reviews))
            self._faults(step, (holds, "E8: rests on the procedure %s, which has no conclusion after its tests that was "
                                       "reviewed before" % shown(procedure.id)))
        assertion = self._answered(step, ("assertion",))
        drafts = [other for other in self.in_file if other.word == "draft" and other.index < step.index]
        self._faults(step, (bool(drafts) and assertion.answers is not None
                            and assertion.answers.log == self.file.origin
                            and assertion.answers.index == drafts[-1].index,
                            "E8: does not answer an assertion about the last draft before it"))

    # The report (section 6)

    def _place(self, step):
        """Where a step stands in the one order of both logs."""
        if step.log == 0:
            return step.index, 1, 0
        return bisect.bisect_right(self.steps.seen, step.index), 0, step.index

    def _events(self):
        for step in sorted(self.in_file + self.in_client, key=self._place):
            event = {"step": step.word, "log": step.log, "index": step.index, "recorded": write_time(step.recorded)}
            word = step.word
            if word in ("commit", "seal", "accept"):
                if word == "seal":
                    event["note"] = "version %d" % step["version"]
                elif word == "accept":
                    event["note"] = step["decision"]
                self._population(step.id).events.append(event)
            elif word in ("draw", "extend", "link"):
                if word == "draw":
                    self._population(step["population"]).events.append(event)
                self._procedure(step["procedure"]).events.append(event)
            elif word in ("test", "full", "control", "review"):
                self._procedure(step.id).events.append(event)
            elif word != "criterion":
                if word == "part":
                    event["note"] = step["part"]
                self.report_events.append(event)

    def report(self):
        return {"file": self.file.origin, "client": self.client.origin if self.client else "",
                "populations": [{"id": p.id, "code": p.code, "rows": p.seals[-1]["rows"] if p.seals else 0,
                                 "compared": p.compared, "events": p.events} for p in self.populations.values()],
                "procedures": [self._report_procedure(p) for p in self.procedures.values()],
                "report": self.report_events, "rows": self.rows_read}

    def _report_procedure(self, procedure):
        draw = procedure.draws[0] if procedure.draws else None
        control = procedure.controls[-1] if procedure.controls else None
        marked, deviating = procedure.marked()
        found = {"id": procedure.id,
                 "control": draw["control"] if draw else control["control"] if control else "",
                 "population": self._population(draw["population"]).code if draw else "",
                 "method": draw["method"] if draw else "",
                 "drawn": len(procedure.sample), "of": draw["total"] if draw else 0,
                 "recomputed": procedure.recomputed,
                 "tested": control["tested"] if control else len(marked),
                 "deviations": control["deviations"] if control else len(deviating),
                 "decision": control["decision"] if control else "", "events": procedure.events}
        for name in ("population", "method", "decision"):
            if found[name] == "":
                del found[name]
        return found


def _is_period(text):
    m = _PERIOD.match(text)
    try:
        return m is not None and all(datetime.date.fromisoformat(part) for part in m.groups())
    except ValueError:
        return False


def draw_seed(nonce, digest, control, period):
    message = b"soc2-sample/v1\n%s\n%s\n%s" % (digest.encode(), control.encode(), period.encode())
    return hmac.digest(nonce, message, "sha256")


def first_of_order(items, seed, n):
    """The first n items of the order: by rank as bytes, and by item where ranks are equal."""
    if n <= 0:
        return []
    return [item for _, item in heapq.nsmallest(n, ((hmac.digest(seed, item, "sha256"), item) for item in items))]


def allocate(sizes, n):
    """How many of n each stratum gets (section 4)."""
    total = sum(sizes.values())
    if n < len(sizes) or n > total:
        raise Fault("E4: draws fewer items than there are strata")
    shares = {name: n * size // total for name, size in sizes.items()}
    left = n - sum(shares.values())
    for name in sorted(sizes, key=lambda name: (-(n * sizes[name] % total), name))[:left]:
        shares[name] += 1
    largest = [(-share, name) for name, share in shares.items() if share]
    heapq.heapify(largest)
    for name in sizes:
        if shares[name] == 0:
            share, other = largest[0]
            heapq.heapreplace(largest, (share + 1, other))
            shares[other] -= 1
            shares[name] = 1
    return shares


# --- 12. The proof of one entry (bundle.md, section 9) -----------------------

class Proof:
    """Checks a file that proves one entry."""

    def __init__(self, data, trust, content):
        self.trust, self.content = trust, content
        self.problems = Problems()
        self.checkpoint = self.leaf = self.first = self.opening = None
        self.index, self.hashes, self.extra, self.cosignatures = None, [], None, []
        self.given, self.readable, self.times, self.signers = False, False, [], set()
        try:
            self._read(data)
        except Fault as fault:
            self.problems.add("proof", str(fault))
        else:
            self.readable = True
            self._check(self._read_extra)
            self._check(self._check_signature)
            self._check(self._check_inclusion)
            self._check(self._check_cosignatures)
            self._check(self._check_content)
        self._judge()

    def _check(self, rule):
        try:
            rule()
        except Fault as fault:
            self.problems.add(entry_name(0, self.index), str(fault))

    def _read(self, data):
        if len(data) > MAX_PROOF:
            raise Fault("is longer than 2 MiB")
        head, blank, note = data.partition(b"\n\n")
        lines = head.split(b"\n")
        if not blank or lines.pop(0) != b"c2sp.org/tlog-proof@v1":
            raise Fault("is not of the form c2sp.org/tlog-proof@v1")
        if lines and lines[0].startswith(b"extra "):
            self.extra = unbase64(lines.pop(0)[6:])
        if not lines or not lines[0].startswith(b"index "):
            raise Fault("has no index")
        self.index = decimal(utf8(lines.pop(0)[6:]))
        if len(lines) > 64:
            raise Fault("has more hashes than a tree is high")
        self.hashes = [unbase64(line, 32) for line in lines]
        text, blank, rest = note.partition(b"\n\n")
        lines = rest.split(b"\n")
        if not blank or lines.pop() or not 1 <= len(lines) <= 17:
            raise Fault("has not a checkpoint with a signature line and at most 16 cosignatures")
        self.note, self.checkpoint = signed_checkpoint(text + b"\n\n" + lines[0] + b"\n")
        self.cosignatures = [Cosignature(line) for line in lines[1:]]

    def _read_extra(self):
        if self.extra is None:
            return
        value = members(parse_json(self.extra, 64), ("leaf",) if self.index == 0 else ("first", "leaf"), ("open",))
        if not isinstance(value["leaf"], str):
            raise Fault("has a leaf that is not a text")
        self.raw = value["leaf"].encode()
        self.leaf = self._leaf(self.raw, self.index)
        if self.index == 0:
            self.first = self.leaf
        else:
            first = members(value["first"], ("leaf", "proof"))
            if not isinstance(first["leaf"], str) or not isinstance(first["proof"], list) \
                    or not all(isinstance(line, str) for line in first["proof"]):
                raise Fault("has a first entry of another form")
            self.first = self._leaf(first["leaf"].encode(), 0)
            hashes = [unbase64(line, 32) for line in first["proof"]]
            if inclusion_root(leaf_hash(first["leaf"].encode()), 0, self.checkpoint.size, hashes) != self.checkpoint.root:
                raise Fault("has a first entry that is not in the tree of the checkpoint")
        if "open" in value:
            self.opening = Opening(value["open"], self.leaf.commit)
            if self.opening.fault is not None:
                raise Fault(self.opening.fault)

    def _leaf(self, raw, index):
        leaf = read_leaf(raw)
        if leaf.index != index or leaf.log != self.checkpoint.origin:
            raise Fault("has a leaf of another place or another log")
        if index == 0:
            Bundle._check_epoch(leaf)
        return leaf

    def _check_signature(self):
        origin = self.checkpoint.origin
        if self.trust.keys:
            for name, key in self.trust.keys:
                if name == origin and self.note.signed_by(Vkey(name, key)):
                    self.given = self.trust.has(name, key)
                    return
            raise Fault("has a checkpoint that is not signed with a key that was given")
        if self.first is not None:
            if not self.note.signed_by(Vkey(origin, self.first.key)):
                raise Fault("has a checkpoint that is not signed with the log's first key: give the key that it has now")

    def _check_inclusion(self):
        if self.index >= self.checkpoint.size or len(self.hashes) != proof_length(self.index, self.checkpoint.size):
            raise Fault("has another number of hashes than this place in the tree needs")
        if self.leaf is not None and \
                inclusion_root(leaf_hash(self.raw), self.index, self.checkpoint.size, self.hashes) != self.checkpoint.root:
            raise Fault("is not in the tree of the checkpoint")

    def _check_cosignatures(self):
        for cosignature in self.cosignatures:
            names = self.trust.check_cosignature(cosignature, self.checkpoint.text)
            if names:
                self.signers.update(names)
                self.times.append(cosignature.seconds * 1000)

    def _check_content(self):
        if self.content is None or self.extra is None:
            return
        if self.opening is None or self.opening.content is None:
            raise Fault("does not open a content, and a file was given for it")
        if self.opening.content != self.content:
            raise Fault("commits to another content than the file that was given")

    def _judge(self):
        self.quorum = self.trust.quorum is not None and self.trust.cosigned(self.signers)
        if self.problems.list:
            self.verdict = "CORRUPTED"
        elif self.first is not None and self.first.demo:
            self.verdict = "DEMO"
        elif self.given and self.leaf is not None and (self.trust.quorum is None or self.quorum):
            self.verdict = "VERIFIED"
        else:
            self.verdict = "CONSISTENT"

    def _item(self):
        leaf = self.leaf
        by = min(self.times) if self.times else None
        name = self.opening.record_id() if self.opening is not None else None
        if self.problems.list:
            reason = "it " + self.problems.list[0][1]
        elif leaf is None:
            reason = "the signed checkpoint covers an entry of this index; the entry itself is not in this file"
        else:
            reason = ("in the log; opened, and what it says is what was committed to" if self.opening is not None
                      else "in the log; not opened, so only its place, time and kind are shown")
            if by is not None and leaf.recorded > by + CLOCK_OFF:
                reason += CLOCK_WRONG
            reason += "; whether it was superseded or erased later only a whole bundle shows"
        return {"id": name or entry_name(0, self.index), "verdict": self.verdict, "log": 0, "index": self.index,
                "kind": leaf.kind if leaf else "", "recorded": write_time(leaf.recorded) if leaf else "",
                "bracket": {"after": "", "by": LOG_CLOCK if by is None else write_time(by)}, "reason": reason}

    def items(self):
        if self.readable:
            yield self._item()

    def report(self, name):
        checkpoint = self.checkpoint
        report = {"verdict": self.verdict, "file": name, "origin": checkpoint.origin if checkpoint else "",
                  "size": checkpoint.size if checkpoint else 0,
                  "root": base64.b64encode(checkpoint.root).decode() if checkpoint else "",
                  "key": "given" if self.given else "inside", "created": "", "scope": "proof", "items": self.items()}
        if self.quorum:
            report["witnessed"] = [{"log": 0, "size": checkpoint.size}]
        report["problems"] = self.problems.report()
        report["limits"] = unused_keys(self.trust) + [
            "Whether the entry was superseded or erased later only a whole bundle shows."]
        if self.leaf is None:
            report["limits"].append("The entry itself is not in this file: only the form of the proof was checked, and "
                                    "the signature if a key was given.")
        return report


# --- 13. Files, output, the command ------------------------------------------

def read_file(path, limit, what):
    """A small file; one byte more than the limit is read, so that a reader sees what is too long."""
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise Unusable("%s cannot be read: %s" % (what, error)) from None


def gather_trust(keys, policy, roots):
    trust = Trust()
    for text in keys:
        try:
            vkey = read_vkey(text)
        except Fault:
            try:
                vkey = read_vkey(utf8(read_file(text, MAX_KEY, "the key")).strip())
            except Fault as fault:
                raise Unusable("the key in %s %s" % (text, fault)) from None
        trust.add_key(vkey)
    if policy:
        try:
            trust.read_policy(read_file(policy, MAX_POLICY, "the policy"))
        except Fault as fault:
            raise Unusable("the policy %s" % fault) from None
    for path in roots:
        try:
            trust.roots += read_roots(read_file(path, MAX_ROOTS, "the roots"))
        except Fault as fault:
            raise Unusable("the roots in %s: %s" % (path, fault)) from None
    return trust


def hash_file(path):
    """The SHA-256 and the size of a file, as a content names them."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
                size += len(block)
    except (OSError, ValueError) as error:
        raise Unusable("the content cannot be read: %s" % error) from None
    return digest.hexdigest(), size


def check(path, keys=(), policy="", roots=(), content=""):
    """Checks one file, and returns the report. Its items come one after the other."""
    trust = gather_trust(keys, policy, roots)
    name = os.path.basename(path)
    if path.endswith(".tlog-proof"):
        data = read_file(path, MAX_PROOF, "the file")
        return Proof(data, trust, hash_file(content) if content else None).report(name)
    if content:
        raise Unusable("a content is compared with a proof of one entry, and not with a bundle")
    try:
        with open(path, "rb") as file:
            return Bundle(file, trust).report(name)
    except (OSError, ValueError) as error:
        raise Unusable("the file cannot be read: %s" % error) from None


def write_json(report, out):
    """The report with an indent of one space, item by item."""
    out("{")
    for number, (name, value) in enumerate(report.items()):
        out(",\n " if number else "\n ")
        out(json.dumps(name) + ": ")
        if name != "items":
            out(json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n "))
            continue
        comma = ""
        for item in value:
            out((comma or "[") + "\n  " + json.dumps(item, indent=1, ensure_ascii=False).replace("\n", "\n  "))
            comma = ","
        out("\n ]" if comma else "[]")
    out("\n}\n")


def write_text(report, out, with_items):
    """The report for people."""
    out("%s  %s\n\n" % (report["verdict"], shown(report["file"])))
    out("log        %s\n" % (shown(report["origin"]) or "none that can be read"))
    out("entries    %d, root %s\n" % (report["size"], report["root"] or "unknown"))
    out("key        %s\n" % ("given to this program" if report["key"] == "given"
                             else "from inside the file: compare it with one that you have by another way"))
    if report["scope"] == "proof":
        out("checked    form, signature, inclusion, openings, content\n")
    else:
        out("written    %s, scope %s\n" % (report["created"] or "unknown", report["scope"] or "unknown"))
        out("checked    archive, manifest, keys, checkpoints, entries, answers, openings, contents, anchors, order\n")
    counts = {}
    for item in report["items"]:
        counts[item["verdict"]] = counts.get(item["verdict"], 0) + 1
        if with_items:
            out("%-11s %s .. %s  %s  %s  %s\n" % (
                item["verdict"], item["bracket"]["after"] or "(start)", item["bracket"]["by"], item["kind"] or "-",
                shown(item["id"]), item["reason"]))
    out("verdicts   %s\n" % (", ".join("%d %s" % (n, verdict) for verdict, n in sorted(counts.items())) or "none"))
    for anchor in report.get("anchors", ()):
        out("anchor     %s of size %d by %s, %s: %s\n" % (
            entry_name(anchor["log"], anchor["index"]), anchor["size"], shown(anchor["by"]), anchor["time"] or "no time",
            "trusted" if anchor["trusted"] else "not trusted, " + anchor["reason"]))
    for part in report.get("witnessed", ()):
        out("witnessed  log %d at size %d\n" % (part["log"], part["size"]))
    examination = report.get("examination")
    if examination is not None:
        out("order      %d populations, %d procedures, %d rows read\n" % (
            len(examination["populations"]), len(examination["procedures"]), examination["rows"]))
    for title in ("problems", "limits"):
        if report[title]:
            out("\n%s\n" % title)
        for line in report[title]:
            out("- %s\n" % (line if title == "limits" else "%s: %s" % (shown(line["object"]), shown(line["reason"]))))


def batch(lines, out):
    """One JSON object a line in, one out. Nothing that a file holds may end this."""
    for line in lines:
        if not line.strip():
            continue
        try:
            order = json.loads(line)
            report = check(order["file"], order.get("keys") or (), order.get("policy") or "",
                           order.get("tsa_roots") or (), order.get("content") or "")
            report["items"] = list(report["items"])
            answer = {"status": EXITS[report["verdict"]], "report": report}
        except Unusable as error:
            answer = {"status": 2, "error": str(error)}
        except Exception as error:  # a fault of this program, which tests shall see
            answer = {"status": 70, "error": "%s: %s" % (type(error).__name__, error)}
        out(json.dumps(answer) + "\n")


def main(arguments):
    parser = argparse.ArgumentParser(prog="verify.py", allow_abbrev=False,
                                     description="Checks a Tickmark bundle (*.evb) or a proof of one entry (*.tlog-proof).")
    parser.add_argument("--key", action="append", default=[], metavar="KEY|FILE",
                        help="a key of the log (vkey) that reached you by another way, or a file with one")
    parser.add_argument("--policy", default="", metavar="FILE", help="logs, witnesses and a quorum that you trust")
    parser.add_argument("--tsa-root", action="append", default=[], metavar="FILE.pem",
                        help="certificates of time-stamping authorities that you trust")
    parser.add_argument("--content", default="", metavar="FILE", help="the content of the entry that a proof is about")
    parser.add_argument("--items", action="store_true", help="list every entry")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--batch", action="store_true", help="read orders from standard input, one JSON object a line")
    parser.add_argument("file", nargs="?", metavar="FILE")
    options = parser.parse_args(arguments)
    if options.batch == (options.file is not None):
        parser.error("one FILE is needed")

    def out(text):
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))

    if options.batch:
        def answer(text):
            out(text)
            sys.stdout.buffer.flush()
        batch(sys.stdin.buffer, answer)
        return 0
    try:
        report = check(options.file, options.key, options.policy, options.tsa_root, options.content)
        if options.json:
            write_json(report, out)
        else:
            write_text(report, out, options.items)
        sys.stdout.buffer.flush()
        return EXITS[report["verdict"]]
    except Unusable as error:
        print("verify.py: %s" % error, file=sys.stderr)
        return 2
    except Exception as error:  # a fault of this program: never a verdict
        print("verify.py: internal error: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 70


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
