"""Tests of verify.py: python3 -m unittest, from this directory or with -s verify."""

import ast
import base64
import contextlib
import functools
import hashlib
import hmac
import io
import json
import os
import random
import re
import struct
import sys
import tempfile
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import verify  # noqa: E402

DOCS = os.path.join(HERE, "..", "docs")
GOLDEN = os.path.join(HERE, "..", "internal", "bundle", "testdata")


# --- What the tests make bundles with ----------------------------------------

def b64(data):
    return base64.b64encode(data).decode()


def dumps(value):
    """Canonical JSON, as long as keys are ASCII; not the code that is tested."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Key:
    """Signs as RFC 8032, section 5.1.6, says."""

    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        self.secret = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self.prefix = digest[32:]
        self.public = self.point(self.secret)

    @staticmethod
    def point(scalar):
        table = verify._table_of(b"base", verify.BASE)
        return verify._encode_point(verify._times(table, scalar % verify.L, verify.IDENTITY))

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % verify.L
        big_r = self.point(r)
        k = int.from_bytes(hashlib.sha512(big_r + self.public + message).digest(), "little")
        return big_r + ((r + k * self.secret) % verify.L).to_bytes(32, "little")


def note(text, name, key):
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + key.public).digest()[:4]
    return text + b"\n\xe2\x80\x94 " + name.encode() + b" " + base64.b64encode(key_id + key.sign(text)) + b"\n"


def tree_root(leaves):
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:])).digest()


def tree_path(m, leaves):
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return tree_path(m, leaves[:k]) + [tree_root(leaves[k:])]
    return tree_path(m - k, leaves[k:]) + [tree_root(leaves[:k])]


class LogWriter:
    """A log that is written as ledger.md says, or otherwise where a test wants it so."""

    def __init__(self, seed=1, epoch=1, **first):
        self.key = Key(bytes([seed]) * 32)
        self.origin = "tickmark/%s/%d" % (hashlib.sha256(self.key.public).hexdigest()[:32], epoch)
        self.leaves, self.openings, self.blobs = [], {}, {}
        self.closed = set()
        self.add("log", key=b64(self.key.public), **first)

    @property
    def vkey(self):
        return str(verify.Vkey(self.origin, self.key.public))

    def add(self, kind, body=None, actor=None, content=None, r=None, minute=None, **fields):
        index = len(self.leaves)
        leaf = {"index": index, "kind": kind, "log": self.origin, "v": 1,
                "recorded": verify.write_time(1772344800000 + 60000 * (index if minute is None else minute))}
        opening, payloads = {}, {}
        if actor is not None:
            payloads["actor"] = dumps(actor if isinstance(actor, dict) else {"id": actor, "name": "Dana Whitfield", "via": "web"})
        if body is not None:
            payloads["body"] = body if isinstance(body, str) else dumps(body)
        if content is not None:
            digest = hashlib.sha256(content).hexdigest()
            self.blobs[digest] = content
            payloads["content"] = "sha256:%s\n%d" % (digest, len(content))
        for label, payload in payloads.items():
            secret = bytes([r[label]]) * 32 if r else hashlib.sha256(("%s %d %s" % (self.origin, index, label)).encode()).digest()
            message = b"tickmark/commit/v1\n%s\n%s" % (label.encode(), payload.encode())
            leaf.setdefault("commit", {})[label] = hmac.new(secret, message, "sha256").hexdigest()
            opening[label] = {"payload": payload, "r": secret.hex()}
        leaf.update(fields)
        self.leaves.append(dumps({k: v for k, v in leaf.items() if v is not None}).encode())
        if opening:
            self.openings[index] = opening
        return index

    def rotate(self, seed, signer=None, **fields):
        new, index = Key(bytes([seed]) * 32), len(self.leaves)
        text = b"tickmark/rotate/v1\n%s\n%d\n%s\n" % (self.origin.encode(), index, base64.b64encode(new.public))
        self.add("log", key=b64(new.public), signed=b64((signer or self.key).sign(text)), **fields)
        self.key = new

    def text(self, size=None):
        size = len(self.leaves) if size is None else size
        return b"%s\n%d\n%s\n" % (self.origin.encode(), size, base64.b64encode(tree_root(self.leaves[:size])))

    def checkpoint(self, size=None, key=None):
        return note(self.text(size), self.origin, key or self.key)

    def answer(self, index, size=None, key=None):
        return {"index": index, "log": self.origin, "note": b64(self.checkpoint(size, key))}

    def stand(self, n):
        """The files of log n."""
        files = {"logs/%d/checkpoint" % n: self.checkpoint(), "logs/%d/key" % n: self.vkey.encode() + b"\n"}
        for k in range(0, len(self.leaves), 256):
            files["logs/%d/entries/%09d.jsonl" % (n, k // 256)] = b"".join(leaf + b"\n" for leaf in self.leaves[k:k + 256])
            lines = [dumps({"index": i, "open": self.openings[i]}).encode() + b"\n"
                     for i in range(k, min(k + 256, len(self.leaves))) if i in self.openings and i not in self.closed]
            if lines:
                files["logs/%d/openings/%09d.jsonl" % (n, k // 256)] = b"".join(lines)
        return files


def stand(*logs, drop=(), **texts):
    """The files of a bundle without its manifest."""
    files = {"README.txt": b"Example.\n", "SPEC.md": b"See ledger.md and bundle.md.\n"}
    for n, log in enumerate(logs):
        files.update(log.stand(n))
        for digest, blob in log.blobs.items():
            if digest not in drop:
                files["blobs/" + digest] = blob
    return files


def sealed(files, log, scope="all", created="2026-03-02T00:00:00.000Z"):
    files = {name: files[name] for name in sorted(files)}
    lines = ["tickmark/bundle/v1", log.origin, created, scope, str(len(files))]
    lines += ["%s %d %s" % (hashlib.sha256(data).hexdigest(), len(data), name) for name, data in files.items()]
    files["manifest.note"] = note("\n".join(lines).encode() + b"\n", log.origin, log.key)
    return files


def packed(files, order=None):
    """The archive of section 1."""
    out, directory = b"", b""
    for name in order or sorted(files):
        data, raw = files[name], name.encode()
        crc = zlib.crc32(data)
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0x0800, 0, 0, 0x21, crc, len(data), len(data),
                                 len(raw), 0, 0, 0, 0, 0, len(out)) + raw
        out += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0x0800, 0, 0, 0x21, crc, len(data), len(data), len(raw), 0)
        out += raw + data
    return out + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(order or files), len(order or files),
                                         len(directory), len(out), 0)


def bundle(*logs, scope="all", drop=(), change=None):
    files = stand(*logs, drop=drop)
    if change:
        change(files)
    return packed(sealed(files, logs[0], scope))


def trust(keys=(), policy=None, roots=None):
    found = verify.Trust()
    for key in keys:
        found.add_key(verify.read_vkey(key))
    if policy is not None:
        found.read_policy(policy.encode())
    if roots is not None:
        found.roots = verify.read_roots(roots.encode())
    return found


def report(data, keys=(), policy=None, roots=None, name="example.evb"):
    found = verify.Bundle(io.BytesIO(data), trust(keys, policy, roots)).report(name)
    found["items"] = list(found["items"])
    return found


def verdicts(found, log=0):
    return [item["verdict"] for item in found["items"] if item["log"] == log]


def reasons(found):
    return "\n".join("%s: %s" % (p["object"], p["reason"]) for p in found["problems"])


R1 = {"actor": 0xA1, "body": 0xB1, "content": 0xC1}
R2 = {"actor": 0xA2, "body": 0xB2, "content": 0xC2}


def example():
    """The log of ledger.md, section 12."""
    log = LogWriter(1)
    for content, r, fields in ((b"backup ran\n", R1, {}), (b"backup ran, 42 files\n", R2, {"supersedes": [1]})):
        log.add("evidence", body={"id": "evd_1", "op": "evidence.add"}, actor="usr_1", content=content, r=r, **fields)
    return log


def blocks(page):
    """The named examples of a page."""
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return dict(re.findall(r"^```(?:text|json) (\S+)\n(.*?)\n```$", file.read(), re.M | re.S))


# --- Mathematics --------------------------------------------------------------

class Signatures(unittest.TestCase):
    VECTORS = (  # RFC 8032, section 7.1: seed, key, message, signature
        ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", b"",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"),
        ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", b"\x72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
         "387b2eaeb4302aeeb00d291612bb0c00"),
        ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", b"\xaf\x82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"),
        ("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", hashlib.sha512(b"abc").digest(),
         "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
         "3dca179c138ac17ad9bef1177331a704"),
    )

    def test_rfc_8032(self):
        for seed, key, message, signature in self.VECTORS:
            key, signature = bytes.fromhex(key), bytes.fromhex(signature)
            self.assertTrue(verify.ed25519_verify(key, message, signature))
            self.assertEqual(Key(bytes.fromhex(seed)).public, key)
            self.assertEqual(Key(bytes.fromhex(seed)).sign(message), signature)
            self.assertFalse(verify.ed25519_verify(key, message + b"x", signature))
            for i in range(0, 512, 7):
                bad = bytearray(signature)
                bad[i // 8] ^= 1 << i % 8
                self.assertFalse(verify.ed25519_verify(key, message, bytes(bad)))

    def test_s_below_the_order(self):
        _, key, message, signature = self.VECTORS[1]
        key, signature = bytes.fromhex(key), bytes.fromhex(signature)
        s = int.from_bytes(signature[32:], "little") + verify.L
        self.assertFalse(verify.ed25519_verify(key, message, signature[:32] + s.to_bytes(32, "little")))

    def test_without_the_cofactor(self):
        """R plus a point of small order passes the equation with the cofactor, and not this one."""
        key = Key(b"\x05" * 32)
        torsion = verify._decode_point(bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"))
        r = 12345
        big_r = verify._encode_point(verify._add(verify._decode_point(Key.point(r)), torsion))
        k = int.from_bytes(hashlib.sha512(big_r + key.public + b"m").digest(), "little")
        s = (r + k * key.secret) % verify.L
        self.assertFalse(verify.ed25519_verify(key.public, b"m", big_r + s.to_bytes(32, "little")))
        # A key of small order: the equation holds for S = 0 and R = -[k]A, and is accepted as it stands.
        identity = (1).to_bytes(32, "little")
        self.assertTrue(verify.ed25519_verify(identity, b"m", identity + bytes(32)))

    def test_encodings_of_keys(self):
        for key in ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   # y = p
                    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",   # y = p + 1
                    "0100000000000000000000000000000000000000000000000000000000000080",   # x = 0 and its sign set
                    "0200000000000000000000000000000000000000000000000000000000000000"):  # on no point
            self.assertIsNone(verify._decode_point(bytes.fromhex(key)))
            self.assertFalse(verify.ed25519_verify(bytes.fromhex(key), b"", (1).to_bytes(32, "little") + bytes(32)))


class Trees(unittest.TestCase):
    LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f")]
    ROOTS = ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
             "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
             "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
             "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
             "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
             "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
             "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
             "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
             "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
    PATHS = (  # leaf and size as Certificate Transparency's tests count them, from 0
        (0, 1, ()),
        (0, 8, ("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")),
        (5, 8, ("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")),
        (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
        (1, 5, ("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")),
    )

    def test_roots(self):
        tree, frontier = verify.Tree(), verify.Frontier()
        for size, root in enumerate(self.ROOTS):
            if size:
                tree.append(verify.leaf_hash(self.LEAVES[size - 1]))
                frontier.append(self.LEAVES[size - 1])
            self.assertEqual(tree_root(self.LEAVES[:size]).hex(), root)
            self.assertEqual(frontier.root().hex(), root)
            for earlier in range(size + 1):
                self.assertEqual(tree.root(earlier).hex(), self.ROOTS[earlier])

    def test_larger_trees(self):
        leaves = [b"%d" % i for i in range(70)]
        tree, frontier = verify.Tree(), verify.Frontier()
        for leaf in leaves:
            tree.append(verify.leaf_hash(leaf))
            frontier.append(leaf)
            self.assertEqual(frontier.root(), tree.root(tree.size))
        for size in range(71):
            self.assertEqual(tree.root(size), tree_root(leaves[:size]))

    def test_paths(self):
        for index, size, path in self.PATHS:
            path = [bytes.fromhex(x) for x in path]
            digest = verify.leaf_hash(self.LEAVES[index])
            self.assertEqual(tree_path(index, self.LEAVES[:size]), path)
            self.assertEqual(verify.inclusion_root(digest, index, size, path).hex(), self.ROOTS[size])

    def test_altered_paths(self):
        leaves = [b"%d" % i for i in range(24)]
        for size in range(1, 25):
            root = tree_root(leaves[:size])
            for index in range(size):
                path = tree_path(index, leaves[:size])
                digest = verify.leaf_hash(leaves[index])
                self.assertEqual(verify.inclusion_root(digest, index, size, path), root)
                for bad in (path + [root], path[:-1]) if path else ([root],):
                    self.assertRaises(verify.Fault, verify.inclusion_root, digest, index, size, bad)
                for i in range(len(path)):
                    bad = path[:i] + [hashlib.sha256(path[i]).digest()] + path[i + 1:]
                    self.assertNotEqual(verify.inclusion_root(digest, index, size, bad), root)
                for other in range(size):
                    if other != index and verify.proof_length(other, size) == len(path):
                        self.assertNotEqual(verify.inclusion_root(digest, other, size, path), root)
                self.assertRaises(verify.Fault, verify.inclusion_root, digest, size, size, path)


# --- The examples of the specification ----------------------------------------

class Specification(unittest.TestCase):
    def setUp(self):
        self.ledger, self.bundle = blocks("ledger.md"), blocks("bundle.md")
        self.log = example()

    def test_key_origin_and_vkey(self):
        self.assertEqual([self.log.key.public.hex(), self.log.origin, self.log.vkey], self.ledger["public"].split("\n"))
        self.assertEqual(str(verify.read_vkey(self.log.vkey)), self.log.vkey)

    def test_leaves(self):
        for i, leaf in enumerate(self.log.leaves):
            self.assertEqual(leaf.decode(), self.ledger["leaf-%d" % i])
            self.assertEqual(verify.read_leaf(leaf).index, i)
        hashes = [verify.leaf_hash(leaf) for leaf in self.log.leaves]
        self.assertEqual(hashes[0].hex(), self.ledger["hash-0"])
        self.assertEqual([hashes[1].hex(), hashes[2].hex(), verify.node_hash(hashes[0], hashes[1]).hex(),
                          tree_root(self.log.leaves).hex()], self.ledger["tree"].split("\n"))

    def test_commitments(self):
        payloads = [self.ledger[name + "-1"] for name in ("actor", "body", "content")]
        verify.read_actor(payloads[0]), verify.read_body(payloads[1])
        self.assertEqual(verify.read_content(payloads[2]), (hashlib.sha256(b"backup ran\n").hexdigest(), 11))
        for line, payload in zip(self.ledger["commitments-1"].split("\n"), payloads):
            label, r, found = re.match(r"(\w+) +r = 32 times 0x(..)  ([0-9a-f]{64})", line).groups()
            self.assertEqual(verify.commitment(label.encode(), payload.encode(), bytes.fromhex(r) * 32).hex(), found)

    def test_checkpoint(self):
        data = self.ledger["checkpoint"].encode() + b"\n"
        self.assertEqual(data, self.log.checkpoint())
        signed, checkpoint = verify.signed_checkpoint(data)
        self.assertEqual((checkpoint.size, checkpoint.root), (3, tree_root(self.log.leaves)))
        self.assertTrue(signed.signed_by(verify.read_vkey(self.log.vkey)))

    def test_items(self):
        lines = self.ledger["items"].split("\n")
        found = [verify.commitment(b"item", p, bytes([r]) * 32) for p, r in ((b"a", 0xD1), (b"b", 0xD2), (b"c", 0xD3))]
        tree = verify.Frontier()
        for digest in found:
            tree.append(digest)
        self.assertEqual([digest.hex() for digest in found] + [tree.root().hex()], lines)

    def test_seed(self):
        secret = hmac.new(b"log_00000000000000000000000000", b"\x07" * 32, "sha256").digest()
        seed = hmac.new(secret, b"tickmark/log-key/v1\n1\x01", "sha256").hexdigest()
        self.assertEqual(seed, self.ledger["seed"])

    def test_bundle(self):
        data = base64.b64decode(self.bundle["bundle"])
        self.assertEqual(bundle(self.log), data)
        self.assertEqual(hashlib.sha256(data).hexdigest(), self.bundle["bundle-sha256"])
        files = sealed(stand(self.log), self.log)
        self.assertEqual(files["logs/0/openings/000000000.jsonl"].decode().split("\n")[1], self.bundle["opening-2"])
        self.assertEqual(files["manifest.note"].decode().partition("\n\n")[0], self.bundle["manifest"])
        self.assertTrue(data.hex().startswith(self.bundle["header"]))

    def test_report(self):
        found = report(base64.b64decode(self.bundle["bundle"]), [self.log.vkey])
        del found["limits"]
        expected = json.loads(self.bundle["report"])
        self.assertEqual(found, expected)
        self.assertEqual(list(found), list(expected))


class Golden(unittest.TestCase):
    def load(self, name):
        with open(os.path.join(GOLDEN, name), "rb") as file:
            return file.read()

    def keys(self, data):
        archive = verify.Archive(io.BytesIO(data), lambda *problem: None)
        return [archive.read(m, 1024).decode().strip() for m in archive.members.values() if m.name.endswith("/key")]

    def test_reports(self):
        for name in ("v1", "examination-v1"):
            data, expected = self.load(name + ".evb"), json.loads(self.load(name + ".json"))
            found = report(data, self.keys(data), name=expected["file"])
            del found["limits"], expected["limits"]
            self.assertEqual(found, expected)

    def test_forged(self):
        data = self.load("examination-forged-v1.evb")
        found = report(data, self.keys(data))
        self.assertEqual(found["verdict"], "CORRUPTED")
        self.assertEqual([p["object"] for p in found["problems"]], ["entry/3"])
        self.assertIn("E4", reasons(found))
        self.assertEqual(set(verdicts(found)), {"VERIFIED"})

    def test_without_keys(self):
        self.assertEqual(report(self.load("v1.evb"))["verdict"], "CONSISTENT")
        data = self.load("v1.evb")
        self.assertEqual(report(data, self.keys(data)[:1])["verdict"], "CONSISTENT")


# --- What is altered -----------------------------------------------------------

class Altered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.log = example()
        cls.data = bundle(cls.log)
        cls.files = stand(cls.log)

    def test_every_byte(self):
        trusted = trust([self.log.vkey])
        for i in range(len(self.data)):
            bad = bytearray(self.data)
            bad[i] ^= 1 << i % 8
            found = verify.Bundle(io.BytesIO(bytes(bad)), trusted)
            self.assertEqual(found.verdict, "CORRUPTED", "byte %d" % i)

    def test_cut_and_lengthened(self):
        for data in (b"", b"PK", self.data[:-1], self.data[1:], self.data + b"\0", b"\0" + self.data,
                     self.data[:1000] + self.data[1001:], self.data[:500] + b"x" + self.data[500:]):
            self.assertEqual(report(data, [self.log.vkey])["verdict"], "CORRUPTED")

    def lines(self, name, change, vkey=True):
        def altered(files):
            lines = files[name].split(b"\n")[:-1]
            change(lines)
            files[name] = b"".join(line + b"\n" for line in lines)
        return report(bundle(self.log, change=altered), [self.log.vkey])

    def test_lines(self):
        """Whoever holds the key of the manifest, and not what the checkpoint covers, gets nowhere."""
        entries, openings = "logs/0/entries/000000000.jsonl", "logs/0/openings/000000000.jsonl"
        for i in range(3):
            for change in (lambda lines: lines.pop(i), lambda lines: lines.insert(i, lines[i]),
                           lambda lines: lines.insert(0, lines.pop(i if i else 1)),
                           lambda lines: lines.__setitem__(i, lines[i].replace(b'"v":1', b'"v":2')),
                           lambda lines: lines.__setitem__(i, lines[i] + b" ")):
                found = self.lines(entries, change)
                self.assertEqual(found["verdict"], "CORRUPTED")
                self.assertNotIn("VERIFIED", verdicts(found))
        for change in (lambda lines: lines.reverse(), lambda lines: lines.insert(0, lines[0]),
                       lambda lines: lines.append(lines[0].replace(b'"index":1', b'"index":3')),
                       lambda lines: lines.append(lines[0].replace(b'"index":1', b'"index":300')),
                       lambda lines: lines.append(b"{}"), lambda lines: lines.clear()):
            self.assertEqual(self.lines(openings, change)["verdict"], "CORRUPTED")
        # Without its opening an entry is still in the log; its blob is then named by nothing.
        found = self.lines(openings, lambda lines: lines.pop(0))
        self.assertEqual(found["verdict"], "CORRUPTED")
        self.assertIn("named by no opened content", reasons(found))

    def test_not_in_log(self):
        found = self.lines("logs/0/openings/000000000.jsonl",
                           lambda lines: lines.append(lines[1].replace(b'"index":2', b'"index":3')))
        self.assertEqual(verdicts(found), ["VERIFIED", "SUPERSEDED", "VERIFIED", "NOT IN LOG"])
        self.assertEqual(found["items"][3]["id"], "entry/3")

    def test_files(self):
        blob = hashlib.sha256(b"backup ran\n").hexdigest()
        cases = {
            "is not there": lambda files: files.pop("README.txt"),
            "is not a file of a bundle": lambda files: files.__setitem__("notes.txt", b"x"),
            "names a content that is not inside": lambda files: files.pop("blobs/" + blob),
            "is named by no opened content": lambda files: files.__setitem__("blobs/" + hashlib.sha256(b"x").hexdigest(), b"x"),
            "has a name that is not the SHA-256": lambda files: files.__setitem__("blobs/" + blob, b"backup ran!"),
            "another size than": lambda files: files.__setitem__("blobs/" + blob, b"backup"),
            "does not end in a line end": lambda files: files.__setitem__("logs/0/key", self.log.vkey.encode()),
            "has a key id that is not": lambda files: files.__setitem__(
                "logs/0/key", self.log.vkey.replace("+6b05862d+", "+6b05862e+").encode() + b"\n"),
            "more than one signature line": lambda files: files.__setitem__(
                "logs/0/checkpoint", files["logs/0/checkpoint"] + files["logs/0/checkpoint"].split(b"\n")[-2] + b"\n"),
            "not signed with the key": lambda files: files.__setitem__(
                "logs/0/checkpoint", self.log.checkpoint(key=Key(b"\x09" * 32))),
            "is of 2 entries": lambda files: files.__setitem__("logs/0/checkpoint", self.log.checkpoint(2)),
        }
        for reason, change in cases.items():
            found = report(bundle(self.log, change=change), [self.log.vkey])
            self.assertEqual(found["verdict"], "CORRUPTED", reason)
            self.assertIn(reason, reasons(found))

    def test_manifest(self):
        cases = {
            "is not listed": lambda files, listed: listed.pop("README.txt"),
            "is not the file that the manifest lists": lambda files, listed: listed.__setitem__("README.txt", b"other"),
            "is listed in the manifest and not there": lambda files, listed: listed.__setitem__("a", b""),
        }
        for reason, change in cases.items():
            listed = dict(self.files)
            change(self.files, listed)
            files = dict(self.files)
            files["manifest.note"] = sealed(listed, self.log)["manifest.note"]
            self.assertIn(reason, reasons(report(packed(files), [self.log.vkey])))
        for change in ((b"\nall\n", b"\nmost\n"), (b"bundle/v1", b"bundle/v2"), (b"\n8\n", b"\n08\n"), (b"\n8\n", b"\n9\n"),
                       (b"T00:00:00.000Z", b"T24:00:00.000Z"), (b" 9 README", b" 09 README"), (b"/1\n", b"/2\n")):
            text = sealed(self.files, self.log)["manifest.note"].partition(b"\n\n")[0] + b"\n"
            files = dict(self.files)
            files["manifest.note"] = note(text.replace(*change), self.log.origin, self.log.key)
            self.assertEqual(report(packed(files), [self.log.vkey])["verdict"], "CORRUPTED", change)

    def test_order_and_doubles(self):
        files = sealed(self.files, self.log)
        names = sorted(files)
        for order in (names[::-1], names + names[-1:], names[:1] + names):
            self.assertEqual(report(packed(files, order), [self.log.vkey])["verdict"], "CORRUPTED")

    def test_random(self):
        """Whatever stands in the file: a verdict, and no other exception."""
        source = random.Random(7)
        with open(os.path.join(GOLDEN, "examination-v1.evb"), "rb") as file:
            golden = file.read()
        for data in (self.data, golden):
            for _ in range(60):
                bad = bytearray(data)
                for _ in range(source.randrange(1, 12)):
                    at = source.randrange(len(bad))
                    size = source.randrange(1, 9)
                    bad[at:at + size] = source.choice((b"", bytes(size), source.randbytes(size), b"\xff" * size, b"9" * 40))
                self.assertEqual(report(bytes(bad))["verdict"], "CORRUPTED")


class Hostile(unittest.TestCase):
    """The content is altered and everything around it made anew, as a forger would."""

    def both(self, change):
        log = example()
        change(log)
        return report(bundle(log), [log.vkey])

    def test_leaves(self):
        good = example().leaves[2].decode()
        cases = [
            good.replace('"v":1', '"v":1,"w":1'), good.replace('"v":1', '"v":1.0'), good.replace('"v":1', '"v":true'),
            good.replace('"index":2', '"index":02'), good.replace('"index":2', '"index":2e0'), good.replace('"index":2', '"index":-2'),
            good.replace('"index":2', '"index":3'), good.replace('"index":2', '"index":' + "9" * 5000),
            good.replace('"kind":"evidence"', '"kind":"other"'), good.replace('"kind":"evidence"', '"kind":"log"') + " ",
            good.replace("06:02:00", "06:00:59"), good.replace("06:02:00", "24:00:00"), good.replace("2026-03-01", "2026-02-30"),
            good.replace("06:02:00.000Z", "06:02:60.000Z"), good.replace(".000Z", "Z"), good.replace("2026-03", "1969-03"),
            good.replace("[1]", "[]"), good.replace("[1]", "[2]"), good.replace("[1]", "[1,1]"), good.replace("[1]", "[1,0]"),
            good.replace("[1]", "[-1]"), good.replace("[1]", "[true]"), good.replace("[1]", '["1"]'), good.replace("[1]", "1"),
            good.replace('"supersedes"', '"erases"'), good.replace('"kind":"evidence"', '"kind":"erasure"'),
            good.replace('{"commit"', '{"commit":{},"commit"'), good.replace('"v":1', '"v":1,"v":1'),
            good.replace('"kind"', '"items":{"count":0,"root":"' + "0" * 64 + '"},"kind"'),
            good.replace('"kind"', '"key":"' + "A" * 43 + '=","kind"'), good.replace("evidence", "evid\\u0065nce"),
            good.replace("evidence", "\u00e9vidence"), good.replace('"index"', '"demo":true,"index"'),
            good.replace('"index":2', '"index":2,"items":{"count":-1,"root":"' + "0" * 64 + '"}'),
            good.replace('"kind"', '"items":' + "[" * 3000 + "]" * 3000 + ',"kind"'), good + " " * 9000, "", "null", "[]", "1", '"a"',
            good.replace("f5091080d1", "F5091080D1"), good.replace(":2,", ": 2,"), good.replace('"v":1}', '"v":1]'),
        ]
        for leaf in cases:
            found = self.both(lambda log: log.leaves.__setitem__(2, leaf.encode()))
            self.assertEqual(found["verdict"], "CORRUPTED", leaf[:300])
            self.assertIn("CORRUPTED", verdicts(found))

    def test_openings(self):
        def payload(label, text):
            def change(log):
                r = bytes([R2[label]]) * 32
                leaf = json.loads(log.leaves[2])
                leaf["commit"][label] = hmac.new(r, b"tickmark/commit/v1\n%s\n%s" % (label.encode(), text.encode()), "sha256").hexdigest()
                log.leaves[2] = dumps(leaf).encode()
                log.openings[2][label]["payload"] = text
            return change
        cases = [
            ("body", '{"id":"evd_1","op":""}'), ("body", '{"id":"evd_1"}'), ("body", '{"id":"","op":"a"}'), ("body", '{"id":"a b","op":"a"}'),
            ("body", '{"id":"%s","op":"a"}' % ("a" * 201)), ("body", '{"id":1,"op":"a"}'), ("body", '{"op":"a","media_type":"b"}'),
            ("body", '{"op":"a","x":null}'), ("body", '{"op":"a","x":1.5}'), ("body", '{"op":"a","x":-0}'), ("body", '{"op":"a","x":9007199254740992}'),
            ("body", '{"op":"a","x":"\\u0041"}'), ("body", '{"op":"a","x":"\\u000A"}'), ("body", '{"op":"a","x":"\\/"}'), ("body", '{"op":"a","x":"\n"}'),
            ("body", '{"op":"a","x":%s}' % ("[" * 64 + "]" * 64)), ("body", '{"op":"a","x":"\\ud83d\\ude00"}'), ("body", "[]"), ("body", ""),
            ("body", '{"media_type":1,"op":"a"}'), ("body", '\ufeff{"op":"a"}'), ("body", '{"\U0001f600":1,"\ufb00":1,"op":"a"}'),
            ("actor", '{"id":"usr_1","name":"a"}'), ("actor", '{"id":"usr_1","name":"a","via":1}'), ("actor", '{"id":"usr_1","name":"a","role":"b","via":""}'),
            ("content", "sha256:" + "0" * 64 + "\n021"), ("content", "sha256:" + "0" * 64 + "\n21\n"), ("content", "sha256:" + "0" * 64),
            ("content", "sha512:" + "0" * 64 + "\n1"), ("content", "sha256:" + "A" * 64 + "\n1"), ("content", "sha256:" + "0" * 64 + "\n" + "9" * 5000),
        ]
        for label, text in cases:
            found = self.both(payload(label, text))
            self.assertEqual(found["verdict"], "CORRUPTED", text[:200])
            self.assertEqual(verdicts(found)[2], "CORRUPTED", text[:200])
        for text in ('{"id":"evd_1","op":"\u00e9 \U0001f600 \\u001f\\b"}', '{"a":%s,"op":"a"}' % ("[" * 63 + "]" * 63), '{"a":[],"b":{},"c":false,"op":"x"}',
                     '{"op":"a","\U0001f600":1,"\ufb00":1}', '{"a":-9007199254740991,"op":"x"}'):
            found = self.both(payload("body", text))
            self.assertEqual(found["verdict"], "VERIFIED", text + reasons(found))

    def test_commitment(self):
        found = self.both(lambda log: log.openings[2]["body"].__setitem__("r", "00" * 32))
        self.assertIn("commits to another body", reasons(found))
        self.assertEqual(verdicts(found), ["VERIFIED", "SUPERSEDED", "CORRUPTED"])
        self.assertEqual(found["items"][2]["id"], "entry/2")
        found = self.both(lambda log: log.openings[2]["actor"].__setitem__("r", "00" * 32))
        self.assertEqual((verdicts(found)[2], found["items"][2]["id"]), ("CORRUPTED", "evd_1"))
        for change in (lambda o: o.clear(), lambda o: o.__setitem__("item", o.pop("body")), lambda o: o["body"].__setitem__("x", "1"),
                       lambda o: o["body"].__setitem__("r", "0"), lambda o: o["body"].__setitem__("payload", 1), lambda o: o["body"].pop("r")):
            self.assertEqual(self.both(lambda log: change(log.openings[2]))["verdict"], "CORRUPTED")

    def test_huge_counts(self):
        data = bundle(example())
        for count, length, start in ((65535, 0xFFFFFFFF, 0xFFFFFFFF), (65534, len(data) - 22, 0), (65534, 0, len(data) - 22), (0, 0, len(data) - 22)):
            bad = data[:-22] + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, length, start, 0)
            self.assertEqual(report(bad)["verdict"], "CORRUPTED")

    def test_many_problems(self):
        log = LogWriter(1)
        for _ in range(1300):
            log.add("op")
        log.leaves[1:] = [leaf.replace(b'"v":1', b'"v":2') for leaf in log.leaves[1:]]
        found = report(bundle(log))
        self.assertEqual(len(found["problems"]), 1001)
        self.assertEqual(found["problems"][-1]["reason"], "and 300 more problems")


# --- JSON and other texts -------------------------------------------------------

class Texts(unittest.TestCase):
    GOOD = ('{}', '[]', '""', '0', '-1', '9007199254740991', 'true', 'false', '{"a":1,"b":[1,"x",{"c":true}]}', '"\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f"',
            '"/"', '"\x7f\u2028\U0010ffff\ufeff"', '{"":0}', '{"\u00e9":1,"\ud7ff":2,"\U00010000":3,"\ue000":4}', '"' + "\\\\" * 5000 + '"', '"' + '\\"' * 5000 + '"')
    BAD = ('', ' {}', '{} ', '{ }', 'nul', 'null', 'tru', 'True', 'NaN', 'Infinity', '-', '-0', '+1', '01', '1.0', '1e1', '1E1', '.5', '9007199254740992',
           '-9007199254740992', '1' * 5000, '"', '"\\', '"\\"', '"\n"', '"\x00"', '"\\/"', '"\\u0041"', '"\\u000a"', '"\\u001F"', '"\\u00e9"', '"\\x41"', '"\\u12"',
           '"\\ud800"', '[1,]', '[,1]', '[1 ,2]', '[1', '{"a":1,}', '{"a"}', '{"a" :1}', '{"a": 1}', '{a:1}', "{'a':1}", '{"b":1,"a":1}', '{"a":1,"a":1}', '{1:1}',
           '{"\ue000":1,"\U00010000":2}', '[1]]', '{}{}', '[1;2]', '\ufeff{}', '"a""b"', 'true1', '12"', '[' * 100000, '{"a":' * 100000, '"' + "\\" * 4999 + '"')

    def test_json(self):
        for text in self.GOOD:
            value = verify.parse_json(text.encode("utf-8"), 64)
            self.assertEqual(verify.canonical(value), text)
            self.assertEqual(json.loads(text), value)
        for text in self.BAD:
            self.assertRaises(verify.Fault, verify.parse_json, text, 64)
        for data in (b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"'):
            self.assertRaises(verify.Fault, verify.parse_json, data, 64)

    def test_depth(self):
        for opened, closed in (("[", "]"), ('{"a":', "}")):
            inner = "0" if opened != "[" else ""
            verify.parse_json(opened * 64 + inner + closed * 64, 64)
            self.assertRaises(verify.Fault, verify.parse_json, opened * 65 + inner + closed * 65, 64)

    def test_base64(self):
        self.assertEqual(verify.unbase64("AAE="), b"\0\1")
        for text in ("AAE", "AAF=", "AAE=\n", " AAE=", "AA E=", "AAE==", "A-E=", "A_E=", "AAE=AAE=", "\u00e9AE=", "A", "===="):
            self.assertRaises(verify.Fault, verify.unbase64, text)

    def test_times(self):
        for text in ("1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "9999-12-31T23:59:59.999Z"):
            self.assertEqual(verify.write_time(verify.read_time(text)), text)
        for text in ("1969-12-31T23:59:59.999Z", "2023-02-29T00:00:00.000Z", "2024-01-01T00:00:60.000Z", "2024-01-01 00:00:00.000Z",
                     "2024-01-01T00:00:00.00Z", "2024-01-01T00:00:00.000Z\n", "2024-01-01T00:00:00.000+00:00", "0000-01-01T00:00:00.000Z",
                     "\u0662024-01-01T00:00:00.000Z", 5, None):
            self.assertRaises(verify.Fault, verify.read_time, text)

    def test_vkeys(self):
        good = example().vkey
        for text in ("", good + "\n", good[:-1], good.replace("+", "-", 1), good.replace("/1+", "/0+"), good.replace("/1+", "/01+"),
                     good.replace("/1+", "/1000000000+"), good.replace("tickmark", "Tickmark"), good.replace("6b05862d", "6B05862D")):
            self.assertRaises(verify.Fault, verify.read_vkey, text)
        witness = verify.Vkey("w.example", b"\x01" * 32, 4)
        self.assertEqual(verify.read_vkey(str(witness), 4, verify.KEY_NAME).name, "w.example")
        self.assertRaises(verify.Fault, verify.read_vkey, str(witness))
        self.assertRaises(verify.Fault, verify.read_vkey, str(verify.Vkey("w example", b"\x01" * 32, 4)), 4, verify.KEY_NAME)


# --- Keys, logs, anchors ---------------------------------------------------------

class Rotation(unittest.TestCase):
    def log(self, **fields):
        log = example()
        first = log.vkey
        log.rotate(2, **fields)
        log.add("op")
        return log, first

    def test_follow(self):
        log, first = self.log()
        for key in (first, log.vkey):
            found = report(bundle(log), [key])
            self.assertEqual((found["verdict"], found["key"]), ("VERIFIED", "given"), reasons(found))
        log.rotate(3)
        self.assertEqual(report(bundle(log), [first])["verdict"], "VERIFIED")
        self.assertEqual(report(bundle(log))["verdict"], "CONSISTENT")

    def test_forged(self):
        for signer in (Key(b"\x02" * 32), Key(b"\x09" * 32)):
            log, first = self.log(signer=signer)
            found = report(bundle(log), [first])
            self.assertEqual(found["verdict"], "CORRUPTED")
            self.assertIn("entry/3", reasons(found))

    def test_key_at_the_checkpoint(self):
        log, first = self.log()
        files = stand(log)
        old = Key(b"\x01" * 32)
        for key, signer in ((first, old), (first, log.key)):
            files["logs/0/key"] = key.encode() + b"\n"
            files["logs/0/checkpoint"] = log.checkpoint(key=signer)
            self.assertEqual(report(packed(sealed(files, log)), [first])["verdict"], "CORRUPTED")

    def test_form(self):
        for kind, change in (("op", {}), ("log", {"signed": None}), ("log", {"key": None})):
            log = example()
            log.add(kind, **{**{"key": b64(b"\x01" * 32), "signed": b64(b"\x01" * 64)}, **change})
            self.assertEqual(report(bundle(log), [log.vkey])["verdict"], "CORRUPTED")
        log = LogWriter(1, signed=b64(b"\x01" * 64))
        self.assertEqual(report(bundle(log))["verdict"], "CORRUPTED")

    def test_other_keys(self):
        log = example()
        other = LogWriter(5).vkey
        found = report(bundle(log), [other])
        self.assertEqual(found["verdict"], "CORRUPTED")
        self.assertEqual([p["object"] for p in found["problems"]], ["logs/0/key"])
        found = report(bundle(log), [other, log.vkey])
        self.assertEqual(found["verdict"], "VERIFIED")
        self.assertTrue(any(other in limit for limit in found["limits"]))


class SeveralLogs(unittest.TestCase):
    def test_answers(self):
        client = LogWriter(2)
        client.add("op")
        log = example()
        log.add("op", answers=client.answer(1))
        client.add("op")
        keys = [log.vkey, client.vkey]
        self.assertEqual(report(bundle(log, client), keys)["verdict"], "VERIFIED")
        self.assertEqual(report(bundle(log, client), keys[:1])["verdict"], "CONSISTENT")
        self.assertEqual(report(bundle(log), keys[:1])["verdict"], "VERIFIED")
        self.assertEqual(verdicts(report(bundle(log, client), keys[:1]), 1), ["CONSISTENT"] * 3)

    def test_false_answers(self):
        for what in ("fork", "beyond", "key", "index", "own", "name"):
            client = LogWriter(2)
            client.add("op")
            answer = client.answer(1)
            if what == "fork":
                other = LogWriter(2)
                other.add("gap")
                answer = other.answer(1)
            elif what == "beyond":
                client.add("op")
                answer = client.answer(1)
                client.leaves.pop()
            elif what == "key":
                answer = client.answer(1, key=Key(b"\x09" * 32))
            elif what == "index":
                answer["index"] = 2
            elif what == "own":
                answer = example().answer(1)
            else:
                answer["log"] = LogWriter(3).origin
            log = example()
            log.add("op", answers=answer)
            found = report(bundle(log, client), [log.vkey, client.vkey])
            self.assertEqual(found["verdict"], "CORRUPTED", what)
            self.assertEqual(verdicts(found)[3], "CORRUPTED", what)
            if what in ("fork", "beyond", "key"):
                self.assertEqual(verdicts(found)[:3], ["VERIFIED", "SUPERSEDED", "VERIFIED"], what)

    def test_answer_after_rotation(self):
        client = LogWriter(2)
        before = client.answer(0)
        client.rotate(3)
        log = LogWriter(1)
        log.add("op", answers=before)
        log.add("op", answers=client.answer(1))
        self.assertEqual(report(bundle(log, client))["verdict"], "CONSISTENT")
        log.add("op", answers=client.answer(0, 1))  # of size 1, and signed with the key that came in at 1
        found = report(bundle(log, client))
        self.assertEqual((found["verdict"], verdicts(found)[3]), ("CORRUPTED", "CORRUPTED"))

    def test_continued(self):
        old = example()
        log = LogWriter(3, epoch=2, answers=old.answer(2))
        log.add("erasure", answers=old.answer(2))
        blob = hashlib.sha256(b"backup ran, 42 files\n").hexdigest()
        old.closed.add(2)
        found = report(bundle(log, old, drop=[blob]), [log.vkey, old.vkey])
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
        self.assertEqual(verdicts(found, 1), ["VERIFIED", "SUPERSEDED", "ERASED"])
        old.closed.clear()
        found = report(bundle(log, old, drop=[blob]), [log.vkey, old.vkey])
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))

    def test_not_continued(self):
        old = example()
        log = LogWriter(3)
        log.add("erasure", answers=old.answer(2))
        found = report(bundle(log, old))
        self.assertIn("does not continue", reasons(found))
        self.assertEqual(verdicts(found, 1)[2], "CONSISTENT")
        self.assertEqual(report(bundle(log))["verdict"], "CONSISTENT")
        for epoch in (1, 3):
            self.assertEqual(report(bundle(LogWriter(3, epoch=epoch, answers=old.answer(2))))["verdict"], "CORRUPTED")

    def test_way_out_of_the_bundle(self):
        oldest = example()
        middle = LogWriter(2, epoch=2, answers=oldest.answer(2))
        log = LogWriter(3, epoch=3, answers=middle.answer(0))
        log.add("erasure", answers=oldest.answer(2))
        self.assertEqual(verdicts(report(bundle(log, middle, oldest)), 2)[2], "ERASED")
        found = report(bundle(log, oldest))
        self.assertEqual((found["verdict"], verdicts(found, 1)[2]), ("CONSISTENT", "CONSISTENT"))

    def test_same_origin_twice(self):
        self.assertEqual(report(bundle(example(), example()))["verdict"], "CORRUPTED")

    def test_gaps(self):
        files = stand(example())
        for name, data in LogWriter(4).stand(2).items():
            files[name] = data
        self.assertIn("logs/1/key", reasons(report(packed(sealed(files, example())))))


class Erased(unittest.TestCase):
    def log(self):
        log = example()
        log.add("erasure", body={"op": "evidence.erase"}, erases=[2])
        return log, hashlib.sha256(b"backup ran, 42 files\n").hexdigest()

    def test_erased(self):
        log, blob = self.log()
        self.assertEqual(report(bundle(log, drop=[blob]), [log.vkey])["verdict"], "VERIFIED")
        log.closed.add(2)
        found = report(bundle(log, drop=[blob]), [log.vkey])
        self.assertEqual(verdicts(found), ["VERIFIED", "SUPERSEDED", "ERASED", "VERIFIED"])
        self.assertEqual(found["items"][2]["reason"], "erased by entry 3")

    def test_missing(self):
        log = example()
        blob = hashlib.sha256(b"backup ran, 42 files\n").hexdigest()
        found = report(bundle(log, drop=[blob]), [log.vkey])
        self.assertEqual((found["verdict"], verdicts(found)[2]), ("CORRUPTED", "CORRUPTED"))
        self.assertEqual(report(bundle(log, drop=[blob], scope="selected"), [log.vkey])["verdict"], "VERIFIED")

    def test_form(self):
        old = LogWriter(2)
        for fields in ({}, {"erases": [1], "answers": old.answer(0)}, {"erases": []}, {"erases": [3]}):
            log = example()
            log.add("erasure", **fields)
            self.assertEqual(report(bundle(log))["verdict"], "CORRUPTED")
        log = example()
        log.add("op", erases=[1])
        self.assertEqual(report(bundle(log))["verdict"], "CORRUPTED")

    def test_demo(self):
        log = LogWriter(1, demo=True)
        found = report(bundle(log), [log.vkey])
        self.assertEqual((found["verdict"], verdicts(found)), ("DEMO", ["DEMO"]))
        for value in (False, "true", 1):
            self.assertEqual(report(bundle(LogWriter(1, demo=value)))["verdict"], "CORRUPTED")


class Pieces(unittest.TestCase):
    def log(self, text=None, parts=(b"a\nb\n", b"c\n")):
        log = LogWriter(1)
        text = text or dumps({"chunks": [{"count": part.count(b"\n"), "sha256": hashlib.sha256(part).hexdigest(), "size": len(part)}
                                         for part in parts], "v": 1})
        log.add("run", body={"media_type": verify.CHUNKS, "op": "runs.ingest"}, content=text.encode())
        log.blobs.update((hashlib.sha256(part).hexdigest(), part) for part in parts)
        return log

    def test_chunks(self):
        self.assertEqual(report(bundle(self.log()))["verdict"], "CONSISTENT")
        digest = hashlib.sha256(b"c\n").hexdigest()
        self.assertEqual(report(bundle(self.log(), drop=[digest]))["verdict"], "CORRUPTED")
        self.assertEqual(report(bundle(self.log(), drop=[digest], scope="selected"))["verdict"], "CONSISTENT")
        self.assertEqual(report(bundle(self.log(parts=(b"a\n", b"a\n"))))["verdict"], "CONSISTENT")

    def test_form(self):
        digest = hashlib.sha256(b"c\n").hexdigest()
        good = '{"chunks":[{"count":1,"sha256":"%s","size":2}],"v":1}' % digest
        self.assertEqual(report(bundle(self.log(good, (b"c\n",))))["verdict"], "CONSISTENT")
        for text in (good.replace('"v":1', '"v":2'), good.replace(":2}", ":3}"), good.replace('"count":1', '"count":-1'), good.replace('"count":1,', ""),
                     good.replace(digest, digest.upper()), good + "\n", good.replace('"v":1', '"v":1,"w":1'), '{"chunks":{},"v":1}', "[]"):
            self.assertEqual(report(bundle(self.log(text, (b"c\n",))))["verdict"], "CORRUPTED", text)

    def packed(self, change=lambda packs: None):
        log = example()
        blobs = sorted(log.blobs.items())
        log.blobs = {}
        packs = {"blobpacks/000000000": b"".join(b"%s %d\n%s" % (d.encode(), len(b), b) for d, b in blobs)}
        change(packs)
        return report(bundle(log, change=lambda files: files.update(packs)), [log.vkey])

    def test_packs(self):
        self.assertEqual(self.packed()["verdict"], "VERIFIED")
        name = "blobpacks/000000000"

        def split(packs):
            data = packs[name]
            packs[name], packs["blobpacks/000000001"] = data[:79], data[79:]
        self.assertEqual(self.packed(split)["verdict"], "VERIFIED")

        def swap(packs):
            split(packs)
            packs[name], packs["blobpacks/000000001"] = packs["blobpacks/000000001"], packs[name]

        def moved(packs):
            packs["blobpacks/000000001"] = packs.pop(name)
        digest = hashlib.sha256(b"backup ran\n").hexdigest().encode()
        cases = {
            "has a line that is not": lambda packs: packs.__setitem__(name, packs[name] + b"x"),
            "reaches over its end": lambda packs: packs.__setitem__(name, packs[name][:-1]),
            "do not ascend": swap,
            "is not there": moved,
            "holds no blob": lambda packs: packs.__setitem__("blobpacks/000000001", b""),
            "is not what its line says": lambda packs: packs.__setitem__(name, packs[name].replace(b"\nbackup ran\n", b"\nbackup Ran\n")),
            "in blobs/ as well": lambda packs: packs.__setitem__("blobs/" + digest.decode(), b"backup ran\n"),
            "named by no opened content": lambda packs: packs.__setitem__(name, b"%s 6\nunused" % (b"00" * 32) + packs[name]),
        }
        for reason, change in cases.items():
            found = self.packed(change)
            self.assertEqual(found["verdict"], "CORRUPTED", reason)
            self.assertIn(reason, reasons(found))


class Witness:
    def __init__(self, name, seed):
        self.key = Key(bytes([seed]) * 32)
        self.vkey = verify.Vkey(name, self.key.public, 4)

    def line(self, text, seconds):
        signature = self.key.sign(b"cosignature/v1\ntime %d\n" % seconds + text)
        return "\u2014 %s %s" % (self.vkey.name, b64(self.vkey.id + seconds.to_bytes(8, "big") + signature))


class Anchors(unittest.TestCase):
    T = 1772344800  # when entry 0 was recorded

    def setUp(self):
        self.one, self.two = Witness("w1.example", 11), Witness("w2.example", 12)
        self.log = example()
        self.policy = "witness one %s\nwitness two %s\ngroup both all one two\nquorum " % (self.one.vkey, self.two.vkey)

    def cosign(self, by, of=3, seconds=None, **change):
        text = self.log.text(of)
        seconds = self.T + 60 * len(self.log.leaves) if seconds is None else seconds
        body = {"cosignature": by.line(text, seconds), "id": "anc_1", "op": "anchors.cosign", "size": of, "witness": by.vkey.name}
        body.update(change)
        fields = {"content": body.pop("content")} if "content" in body else {}
        return self.log.add("anchor", body={k: v for k, v in body.items() if v is not None}, **fields)

    def report(self, quorum="none", keys=True):
        return report(bundle(self.log), [self.log.vkey] if keys else [], self.policy + quorum)

    def test_bracket(self):
        self.cosign(self.one)
        self.log.add("op")
        found = self.report()
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
        self.assertEqual(found["anchors"], [{"log": 0, "index": 3, "size": 3, "by": "w1.example", "time": "2026-03-01T06:03:00.000Z",
                                             "trusted": True, "reason": ""}])
        brackets = [(item["bracket"]["after"][11:16], item["bracket"]["by"][11:16]) for item in found["items"]]
        self.assertEqual(brackets, [("", "06:03"), ("06:00", "06:03"), ("06:01", "06:03"), ("06:03", "nly"), ("06:03", "nly")])
        self.assertNotIn("witnessed", found)
        self.policy = "quorum "
        found = self.report()
        self.assertFalse(found["anchors"][0]["trusted"])
        self.assertEqual(found["items"][1]["bracket"]["by"], "log clock only")

    def test_clock(self):
        self.cosign(self.one, seconds=self.T - 299)
        self.log.add("op")
        self.assertNotIn("clock", "".join(item["reason"] for item in self.report()["items"][:1]))
        self.assertIn("clock", self.report()["items"][1]["reason"])
        self.log = example()
        self.cosign(self.one, seconds=self.T + 3 * 60 + 301)
        self.assertIn("clock", self.report()["items"][3]["reason"])
        self.assertNotIn("clock", self.report()["items"][2]["reason"])

    def test_quorum(self):
        self.cosign(self.one)
        found = self.report("one")
        self.assertEqual((found["verdict"], found["witnessed"]), ("VERIFIED", [{"log": 0, "size": 3}]))
        found = self.report("both")
        self.assertEqual(found["verdict"], "CONSISTENT")
        self.assertNotIn("witnessed", found)
        self.cosign(self.two, of=2)
        self.assertEqual(self.report("both")["verdict"], "CONSISTENT")
        self.cosign(self.two)
        self.cosign(self.one, of=4)
        found = self.report("both")
        self.assertEqual((found["verdict"], found["witnessed"]), ("VERIFIED", [{"log": 0, "size": 3}]))
        self.assertEqual(self.report("one")["witnessed"], [{"log": 0, "size": 4}])
        self.policy = "log %s\n" % self.log.vkey + self.policy
        self.assertEqual(self.report("one", keys=False)["verdict"], "VERIFIED")

    def test_forged(self):
        good = self.one.line(self.log.text(3), self.T)
        other = Witness("w1.example", 13)
        cases = [{"size": 2}, {"size": 0}, {"size": 4}, {"size": True}, {"size": "3"}, {"witness": "w2.example"}, {"witness": ""}, {"id": None}, {"x": 1},
                 {"media_type": "a"}, {"content": b"backup ran\n"}, {"cosignature": good + "\n"}, {"cosignature": good[2:]}, {"cosignature": good[:-4] + "AAA="},
                 {"cosignature": self.one.line(self.log.text(3), 0)}, {"cosignature": self.one.line(self.log.text(3), 253402300800)},
                 {"cosignature": good.replace(" ", "  ", 1)}, {"cosignature": "\u2014 w1.example " + b64(bytes(75))}, {"id": "x" * 900}]
        for change in cases:
            self.log = example()
            self.cosign(self.one, **change)
            found = self.report()
            self.assertEqual((found["verdict"], verdicts(found)[3]), ("CORRUPTED", "CORRUPTED"), change)
            self.assertNotIn("anchors", found)
        self.log = example()
        self.cosign(other)  # of that name, with a key that is not known
        found = self.report()
        self.assertEqual((found["verdict"], found["anchors"][0]["trusted"]), ("VERIFIED", False))

    def test_other_operations(self):
        self.log.add("anchor", body={"op": "anchors.look", "x": 1})
        self.log.add("op", body={"op": "anchors.cosign"})
        self.assertEqual(self.report()["verdict"], "VERIFIED")


class Policies(unittest.TestCase):
    W = [str(Witness("w%d" % i, 20 + i).vkey) for i in range(4)]
    LOG = example().vkey

    def test_good(self):
        for text in ("quorum none", "# a\n\n  \t \n\t# b\nquorum none\n", "witness a %s\nquorum a" % self.W[0], "witness a %s https://a.example\nquorum\ta\n" % self.W[0],
                     "log %s\nlog %s https://l\nquorum none" % (self.LOG, verify.Vkey("other.example/log", b"\x07" * 32)),
                     "witness a %s\nwitness b %s\ngroup g any a b\nquorum g" % tuple(self.W[:2]),
                     "witness a %s\nwitness b %s\nwitness c %s\ngroup g 1 a b\ngroup h all g c\n\tquorum  h \n" % tuple(self.W[:3])):
            trust(policy=text)

    def test_bad(self):
        w = "witness a %s\n" % self.W[0]
        for text in ("", w, "quorum none\nquorum none", "quorum a", "quorum a\n" + w, w + "quorum", w + "quorum a b", w + w + "quorum a",
                     w + "witness a %s\nquorum a" % self.W[1], w + "witness b %s\nquorum a" % self.W[0], "witness none %s\nquorum none" % self.W[0],
                     w + "group none any a\nquorum none", w + "group a any a\nquorum none", w + "group g any\nquorum g", w + "group g 0 a\nquorum g",
                     w + "group g 2 a\nquorum g", w + "group g 01 a\nquorum g", w + "group g some a\nquorum g", w + "group g any a a\nquorum g", w + "group g any b\nquorum g",
                     w + "group g any a\ngroup h any a\nquorum g", w + "group g any g\nquorum g", "log %s\nlog %s\nquorum none" % (self.LOG, self.LOG),
                     "log %s\nquorum none" % self.W[0], "witness a %s\nquorum a" % self.LOG, "log\nquorum none", "log a\nquorum none", "other\nquorum none",
                     "quorum none\r\n", "# \x7f\nquorum none", "#\x00\nquorum none", "#" * 65536 + "\nquorum none", "witness a %s u v\nquorum a" % self.W[0]):
            self.assertRaises(verify.Fault, trust, policy=text)
        self.assertRaises(verify.Fault, verify.Trust().read_policy, b"# \xff\nquorum none")

    def test_groups(self):
        text = "".join("witness %s %s\n" % pair for pair in zip("abcd", self.W)) + "group g 2 a b c\ngroup h any g d\nquorum "
        for quorum, signers, holds in (("g", "ab", True), ("g", "a", False), ("g", "ad", False), ("h", "d", True), ("h", "bc", True), ("h", "c", False), ("a", "a", True),
                                       ("a", "b", False)):
            self.assertEqual(trust(policy=text + quorum).cosigned(set(signers)), holds)


# --- Time stamps ------------------------------------------------------------------

# An answer of OpenSSL to a request over the checkpoint of the example (ledger.md, section 12), its
# root, and the authority's RSA key, made for these tests.
STAMP_NONCE = "8fadfe01d19e7c56"
STAMP_REPLY = """
MIII3TADAgEAMIII1AYJKoZIhvcNAQcCoIIIxTCCCMECAQMxDzANBglghkgBZQMEAgEFADBzBgsqhkiG9w0BCRABBKBkBGIwYAIB
AQYEKgMEATAxMA0GCWCGSAFlAwQCAQUABCDovSf4jMnY7HsE0mDgDZ4EUEQxQ3zCWgSBXceo4Um/+wIBAhgPMjAyNjExMjIwNjEx
MjhaMAMCAQECCQCPrf4B0Z58VqCCBkIwggMdMIICBaADAgECAgECMA0GCSqGSIb3DQEBCwUAMBcxFTATBgNVBAMMDEV4YW1wbGUg
Um9vdDAeFw0yNjExMjIwNjExMjhaFw0zNTAyMDgwNjExMjhaMBYxFDASBgNVBAMMC0V4YW1wbGUgVFNBMIIBIjANBgkqhkiG9w0B
AQEFAAOCAQ8AMIIBCgKCAQEAkpEvsoRehejOJQsuOihDV51OqNkkJpWoirGBSc/EKWPyJSZMM6atsq5oju0Kzf4Zddmam4PkspA5
5N+67VEXgJyNY0UR2vw21xR/LM1YfhEIW2QQN5j4Gf8LQ33J2ITUco1Na7Xsr/I4mrLoIdEcNKzpGQ0U8o9rjIJL8Q9yuzI1gZQp
JkscU0QUdqSaDdz8pKQwHhzqi7f+Td7ptZuE4LTZ4vm9/TjRdzhKmxtcukDwrDn4/a7Z069dzbPD6lYfhjIzzflvNBmIarhriE5F
Z59KcEunlhF3WnHpl++d5C8z+zQkzhllaokrREzmlEII6yR3L5TudNs/oZDjLg48WwIDAQABo3UwczAJBgNVHRMEAjAAMA4GA1Ud
DwEB/wQEAwIHgDAWBgNVHSUBAf8EDDAKBggrBgEFBQcDCDAdBgNVHQ4EFgQUxutT+aaELthFDl5m8zqptmk0vHMwHwYDVR0jBBgw
FoAUjQ5OYqSvui/g4J4LBZf9EnvJiSgwDQYJKoZIhvcNAQELBQADggEBABIupoATyAeVk2iol7oO5MLE5Hqt5XjXE47aRMx8JDHH
qu0fbIVO+rv7c2cUn8NaHdrUTyg4Q9ZNHGv9vnFLxosINfEvfNbo3um67lWJ7HQOgKmMUO5TknaAD89OOYN7N2wwXQ+IeoOeYWtc
u43EmpV9PGvM3IF6ACIzUiglWpokJbwSLFdseKf6Ky3OCQRB4Pf4KHeAfHjiL54mdUAXJMzM/bqiM1O4P8SkbJqa0hf8DbRmk1+k
2l/yF6N/YMHR1p3uy4Io4p4WSH01BA6+LbDDw4FSXaKLhqVCHR47VnRhAEkxGkTYbBym6vUEuudHz4V8d3w6Bws7HZdSL741UtIw
ggMdMIICBaADAgECAgECMA0GCSqGSIb3DQEBCwUAMBcxFTATBgNVBAMMDEV4YW1wbGUgUm9vdDAeFw0yNjExMjIwNjExMjhaFw0z
NTAyMDgwNjExMjhaMBYxFDASBgNVBAMMC0V4YW1wbGUgVFNBMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkpEvsoRe
hejOJQsuOihDV51OqNkkJpWoirGBSc/EKWPyJSZMM6atsq5oju0Kzf4Zddmam4PkspA55N+67VEXgJyNY0UR2vw21xR/LM1YfhEI
W2QQN5j4Gf8LQ33J2ITUco1Na7Xsr/I4mrLoIdEcNKzpGQ0U8o9rjIJL8Q9yuzI1gZQpJkscU0QUdqSaDdz8pKQwHhzqi7f+Td7p
tZuE4LTZ4vm9/TjRdzhKmxtcukDwrDn4/a7Z069dzbPD6lYfhjIzzflvNBmIarhriE5FZ59KcEunlhF3WnHpl++d5C8z+zQkzhll
aokrREzmlEII6yR3L5TudNs/oZDjLg48WwIDAQABo3UwczAJBgNVHRMEAjAAMA4GA1UdDwEB/wQEAwIHgDAWBgNVHSUBAf8EDDAK
BggrBgEFBQcDCDAdBgNVHQ4EFgQUxutT+aaELthFDl5m8zqptmk0vHMwHwYDVR0jBBgwFoAUjQ5OYqSvui/g4J4LBZf9EnvJiSgw
DQYJKoZIhvcNAQELBQADggEBABIupoATyAeVk2iol7oO5MLE5Hqt5XjXE47aRMx8JDHHqu0fbIVO+rv7c2cUn8NaHdrUTyg4Q9ZN
HGv9vnFLxosINfEvfNbo3um67lWJ7HQOgKmMUO5TknaAD89OOYN7N2wwXQ+IeoOeYWtcu43EmpV9PGvM3IF6ACIzUiglWpokJbwS
LFdseKf6Ky3OCQRB4Pf4KHeAfHjiL54mdUAXJMzM/bqiM1O4P8SkbJqa0hf8DbRmk1+k2l/yF6N/YMHR1p3uy4Io4p4WSH01BA6+
LbDDw4FSXaKLhqVCHR47VnRhAEkxGkTYbBym6vUEuudHz4V8d3w6Bws7HZdSL741UtIxggHuMIIB6gIBATAcMBcxFTATBgNVBAMM
DEV4YW1wbGUgUm9vdAIBAjANBglghkgBZQMEAgEFAKCBpDAaBgkqhkiG9w0BCQMxDQYLKoZIhvcNAQkQAQQwHAYJKoZIhvcNAQkF
MQ8XDTI2MTEyMjA2MTEyOFowLwYJKoZIhvcNAQkEMSIEIOzaeHPEqvO8QQsA8moO4zmVYUnJ7FXLOc0TOkK39xDEMDcGCyqGSIb3
DQEJEAIvMSgwJjAkMCIEIOZrrlb7iXbc5o7RBoLePgZP6luJy4lcR2yKGqaj0oOLMA0GCSqGSIb3DQEBAQUABIIBAGcc3x105raN
UE4PTpur40hm+GnZa2/y+XM6Hcv6hnNWSRSbeC08ZdR8higq+Cw9YXs+GvS2jWQk4SULq8v3sig2bzJAgtlnHqc+hcm/IMPgmar+
h+N2XvTIivkmMNgNM6+hTqtvAhxpYYIdbK4vqxABtSkG0To608QWqA45xk/HQP9V8XHxnXkdq2awQgDam8GrevDRcWVsmjZNFuLa
VkIy2d8PaDFoLDZtgcM8vKm774qGLSGKQpCJurGcSde3LjijFkM0fzVLRZegBvXpU8SDWfN6k6hvyC5XotmhX45OMwJwMLrojPgc
kJ/Fc90QqIBxh2lybXYH+duCnBxM4Qc=
"""
STAMP_ROOT = """
-----BEGIN CERTIFICATE-----
MIIC/jCCAeagAwIBAgIUefq03xzCAU+vZL3dg0nY62CTT1UwDQYJKoZIhvcNAQEL
BQAwFzEVMBMGA1UEAwwMRXhhbXBsZSBSb290MB4XDTI2MTEyMjA2MTEyN1oXDTM2
MTExOTA2MTEyN1owFzEVMBMGA1UEAwwMRXhhbXBsZSBSb290MIIBIjANBgkqhkiG
9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzWJDKhZf35EWZas08Bv36OwyR1D0bZlVPUNT
lOsOsFVvLaXGT6dsVb7NRYbawbrr3Dctc6VG2GgPaZjRN8V81MARGLxMiE85raPR
MbRJcQXBC5YAIYWpyQHR2veu62QtZ3aobTo9TTjwn3LWt2mqHAD26K6InVB6FPsF
4ZN5VnRQZA8D1TeCk8SpAQo9agg2u+Glkx49N2fDhawZYBg/3Qt1Sw7KruZBn5LD
XMBmdOnqKpvJTXG8Pkv0iS0eA+udmUpQRpKZU5Bgvmq++YkHHlWTaatl76XRy8Fv
YG38+/GUzAWSFAOTk0oqM4z26vhMMUXoK6xnif9jgFIdnrYVcwIDAQABo0IwQDAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUjQ5OYqSv
ui/g4J4LBZf9EnvJiSgwDQYJKoZIhvcNAQELBQADggEBAAs3T/Q0d2XD0eXpSZX8
BjTh/07e9pYXN4ajAeTxRYPrM8ZH/wN19A/Z1W4ZJcZgQomhreS3nZtAIfhZDVL5
VPnHgVlonM5bPTgkru5a8cwbEJbh+ndk81rwWIK7YZeW+BqjmulYpOht3dZqaRfH
2EqXQB+zWxdkvcGpm3XyEaav79b7pKrxCZCS9YfGnTz7yidIBLU7i278aqiJPO6F
J4er9S3NZP7zcEQJx60oQuxIAUJQsS7kVuMHEUJvDX2DBqOKhDj/DvVM8cCXeZjh
AVqAsFOOb2TvTdJIaVqD3xJ9tN2NczEsY7rbfsXmtyot0gAljZOi/UH7NjLComGx
rIM=
-----END CERTIFICATE-----
"""
RSA_N = int("""
92912fb2845e85e8ce250b2e3a2843579d4ea8d9242695a88ab18149cfc42963f225264c33a6adb2ae688eed0acdfe1975d9
9a9b83e4b29039e4dfbaed5117809c8d634511dafc36d7147f2ccd587e11085b64103798f819ff0b437dc9d884d4728d4d6b
b5ecaff2389ab2e821d11c34ace9190d14f28f6b8c824bf10f72bb3235819429264b1c53441476a49a0ddcfca4a4301e1cea
8bb7fe4ddee9b59b84e0b4d9e2f9bdfd38d177384a9b1b5cba40f0ac39f8fdaed9d3af5dcdb3c3ea561f863233cdf96f3419
886ab86b884e45679f4a704ba79611775a71e997ef9de42f33fb3424ce19656a892b444ce6944208eb24772f94ee74db3fa1
90e32e0e3c5b
""".replace("\n", ""), 16)
RSA_D = int("""
66a307897f0f8006bf830164ca6e579ed45fb91bcd28736c024f4db71616828ec9d4457e95162bc1a3b58945b38c6aeeddf9
8587e453cace8985678739991a3439b66933a1a9ebc08948cb8197b4588ac05e48a0e060822f8482cfe3f311fba073778b93
47ad0b3b85737d7c65f2064b0f3d4cc11906c7e19e5e095ba060169ccb230a9faa07656cc1d65fd0c7a474c2c48876e8bbdc
201b39ca1117e49ffa3d1ce180050a5d8339231734ef4476183808c78865789dc81e691215f36ebbddb9fd4f4261a10b3a47
5a605feefca074811c90d61b693dcf8cad3e4d39dfb05e38e8bc10a7f22598648e5620f8b9ed5999791f1fd14fa75e49466f
b015369235d
""".replace("\n", ""), 16)


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 0x80 else bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + body


def number(value, tag=2):
    return der(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def object_id(text):
    return der(6, verify.oid(text))


SHA = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
WITH_RSA = {"sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12", "sha512": "1.2.840.113549.1.1.13"}


def algorithm(text, null=True):
    return der(0x30, object_id(text), b"\x05\x00" if null else b"")


@functools.lru_cache(maxsize=None)
def rsa_sign(message, digest="sha256"):
    size = (RSA_N.bit_length() + 7) // 8
    info = der(0x30, algorithm(SHA[digest]), der(4, hashlib.new(digest, message).digest()))
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    return pow(int.from_bytes(padded, "big"), RSA_D, RSA_N).to_bytes(size, "big")


def name(text):
    return der(0x30, der(0x31, der(0x30, object_id("2.5.4.3"), der(12, text.encode()))))


def extension(text, value, critical=None):
    return der(0x30, object_id(text), b"" if critical is None else der(1, b"\xff" if critical else b"\x00"), der(4, value))


CA_USE = (extension("2.5.29.19", der(0x30, der(1, b"\xff")), True), extension("2.5.29.15", der(3, b"\x01\x06"), True))
TSA_USE = (extension("2.5.29.37", der(0x30, object_id("1.3.6.1.5.5.7.3.8")), True), extension("2.5.29.15", der(3, b"\x07\x80"), True))


def certificate(subject, issuer, extensions, serial=1, begins="250101000000Z", ends="350101000000Z", version=2, key=None, signed=None, sign="sha256"):
    key = key or der(0x30, algorithm("1.2.840.113549.1.1.1"), der(3, b"\x00", der(0x30, number(RSA_N), number(65537))))
    signing = algorithm(WITH_RSA[sign])
    part = der(0x30, der(0xA0, number(version)) if version else b"", number(serial), signing, name(issuer),
               der(0x30, der(23, begins.encode()), der(23, ends.encode())), name(subject), key,
               der(0xA3, der(0x30, *extensions)) if extensions else b"")
    return der(0x30, part, signed or signing, der(3, b"\x00", rsa_sign(part, sign)))


class StampMaker:
    """A time stamp as RFC 3161 wants it; what a test sets is otherwise."""

    text = b"a checkpoint\n"

    def __init__(self, **change):
        self.signer = certificate("TSA", "Root", TSA_USE, serial=2)
        self.root = certificate("Root", "Root", CA_USE)
        self.certificates, self.digest, self.status = None, "sha256", number(0)
        self.imprint_algorithm, self.nonce, self.time, self.after_time = algorithm(SHA["sha256"]), number(0xAB), b"20260301060000Z", b""
        self.extensions, self.attributes, self.signature_algorithm = b"", {}, algorithm("1.2.840.113549.1.1.1")
        self.sid = self.signature = None
        self.signer_version, self.after = 1, b""
        for key, value in change.items():
            assert hasattr(self, key), key
            setattr(self, key, value)

    def stamp(self):
        return der(0x30, number(1), object_id("1.2.3"), der(0x30, self.imprint_algorithm, der(4, hashlib.sha256(self.text).digest())), number(7),
                   der(0x18, self.time), self.after_time, self.nonce, self.extensions)

    def answer(self):
        stamp = self.stamp()
        found = {"1.2.840.113549.1.9.3": object_id("1.2.840.113549.1.9.16.1.4"),
                 "1.2.840.113549.1.9.4": der(4, hashlib.new(self.digest, stamp).digest()),
                 "1.2.840.113549.1.9.16.2.47": der(0x30, der(0x30, der(0x30, der(4, hashlib.sha256(self.signer).digest()))))}
        found.update(self.attributes)
        attributes = b"".join(der(0x30, object_id(key), der(0x31, value)) for key, value in found.items() if value is not None)
        signature = self.signature or rsa_sign(der(0x31, attributes), self.digest)
        sid = self.sid or der(0x30, name("Root"), number(2))
        signer = der(0x30, number(self.signer_version), sid, algorithm(SHA.get(self.digest, "1.3.14.3.2.26")), der(0xA0, attributes),
                     self.signature_algorithm, der(4, signature))
        certificates = [self.signer] if self.certificates is None else self.certificates
        signed = der(0x30, number(3), der(0x31, algorithm(SHA["sha256"])),
                     der(0x30, object_id("1.2.840.113549.1.9.16.1.4"), der(0xA0, der(4, stamp))),
                     der(0xA0, *certificates) if certificates else b"", der(0x31, signer))
        return der(0x30, der(0x30, self.status), der(0x30, object_id("1.2.840.113549.1.7.2"), der(0xA0, signed))) + self.after

    def outcome(self, roots=None, nonce="ab"):
        roots = [verify.Certificate(root) for root in ([self.root] if roots is None else roots)]
        try:
            return verify.TimeStamp(self.answer(), self.text, nonce, roots).outcome or "trusted"
        except verify.Fault:
            return "broken"


class Stamps(unittest.TestCase):
    def check(self, expected, **change):
        self.assertEqual(StampMaker(**change).outcome(), expected, change)

    def test_sound(self):
        maker = StampMaker()
        self.assertEqual(maker.outcome(), "trusted")
        self.assertEqual(maker.outcome(roots=[]), "chain")
        self.assertEqual(maker.outcome(roots=[maker.signer]), "trusted")
        self.assertEqual(maker.outcome(nonce="00ab"), "trusted")
        self.assertEqual(maker.outcome(nonce="ac"), "broken")
        for digest in ("sha384", "sha512"):
            self.check("trusted", digest=digest)
            self.check("trusted", digest=digest, signature_algorithm=algorithm(WITH_RSA[digest]))
        self.check("trusted", status=number(1) + der(0x30) + der(3, b"\x00"))
        self.check("trusted", after_time=der(0x30, number(1), number(2, 0x80), number(3, 0x81)) + der(1, b"\x00"))
        self.check("trusted", time=b"20260301060000.123456789Z")
        self.check("trusted", attributes={"1.2.3.4": der(5), "1.2.840.113549.1.9.16.2.47": None, "1.2.840.113549.1.9.16.2.12": der(
            0x30, der(0x30, der(0x30, der(4, hashlib.sha1(StampMaker().signer).digest()))))})

    def test_broken(self):
        signer = StampMaker().signer
        wrong = der(0x30, der(0x30, der(0x30, der(4, bytes(32)))))
        for change in (
                {"status": number(2)}, {"status": b"\x02\x02\x00\x00"}, {"status": number(0) + number(0)}, {"after": b"\x00"}, {"nonce": b""},
                {"imprint_algorithm": algorithm(SHA["sha512"])}, {"nonce": number(-85)}, {"nonce": b"\x02\x03\x00\x00\xab"}, {"time": b"20260301060000"},
                {"time": b"20260230060000Z"}, {"time": b"20260301060060Z"}, {"time": b"20260301060000.Z"}, {"time": b"20260301060000.1234567890Z"},
                {"time": b"19690301060000Z"}, {"time": b"202603010600Z"}, {"time": b"20260301060000+0000"}, {"after_time": der(0x30, number(86401))},
                {"after_time": der(0x30, number(1000, 0x80))}, {"after_time": der(1, b"\x01")}, {"after_time": der(0x30, number(1, 0x81), number(1, 0x80))},
                {"certificates": []}, {"certificates": [certificate("TSA", "Root", TSA_USE, serial=3)]}, {"certificates": [signer, b"\x30\x00"]},
                {"certificates": [signer] * 33}, {"attributes": {"1.2.840.113549.1.9.3": None}}, {"attributes": {"1.2.840.113549.1.9.4": None}},
                {"attributes": {"1.2.840.113549.1.9.3": object_id("1.2.3")}}, {"attributes": {"1.2.840.113549.1.9.4": der(4, bytes(32))}},
                {"attributes": {"1.2.840.113549.1.9.16.2.47": None}}, {"attributes": {"1.2.840.113549.1.9.16.2.47": wrong}},
                {"attributes": {"1.2.840.113549.1.9.16.2.12": wrong}}, {"attributes": {"1.2.840.113549.1.9.3": object_id("1.2.840.113549.1.9.16.1.4") * 2}},
                {"signature": bytes(256)}, {"signature": b"\xff" * 256}, {"signature": rsa_sign(b"other")}, {"signature": bytes(257)}, {"signer_version": 2},
                {"sid": der(0x30, name("Other"), number(2))}, {"extensions": der(0xA1, b"\x30\x00")}):
            self.check("broken", **change)

    def test_not_trusted(self):
        eku = "1.3.6.1.5.5.7.3.8"
        usage = TSA_USE[1]

        def made(expected, extensions=TSA_USE, **change):
            signer = certificate("TSA", "Root", extensions, serial=2, **change)
            self.check(expected, signer=signer)
        made("trusted", TSA_USE[:1])
        made("trusted", (TSA_USE[0], extension("2.5.29.15", der(3, b"\x06\x40"))))
        made("usage", (extension("2.5.29.37", der(0x30, object_id(eku))), usage))
        made("usage", (extension("2.5.29.37", der(0x30, object_id(eku)), False), usage))
        made("usage", (extension("2.5.29.37", der(0x30, object_id(eku), object_id("1.3.6.1.5.5.7.3.3")), True), usage))
        made("usage", (usage,))
        made("usage", (TSA_USE[0], extension("2.5.29.15", der(3, b"\x05\x20"))))
        made("expired", begins="260301060001Z")
        made("expired", ends="260301055959Z")
        made("trusted", begins="260301060000Z", ends="260301060000Z")
        made("unsupported", TSA_USE + (extension("1.2.3.4", b"", True),))
        made("trusted", TSA_USE + (extension("1.2.3.4", b"", False),))
        made("unsupported", (), version=0)
        made("unsupported", key=der(0x30, algorithm("1.2.840.10045.2.1"), der(3, b"\x00\x04")))
        made("unsupported", key=der(0x30, algorithm("1.2.840.113549.1.1.1"), der(3, b"\x00", der(0x30, number(RSA_N), number(2 ** 31 + 1)))))
        made("unsupported", key=der(0x30, algorithm("1.2.840.113549.1.1.1"), der(3, b"\x00", der(0x30, number(RSA_N), number(1)))))
        made("unsupported", key=der(0x30, algorithm("1.2.840.113549.1.1.1"), der(3, b"\x00", der(0x30, number(RSA_N + 1), number(3)))))
        made("unsupported", key=der(0x30, algorithm("1.2.840.113549.1.1.1"), der(3, b"\x00", der(0x30, number(-RSA_N), number(3)))))
        self.check("unsupported", extensions=der(0xA1, der(0x30, object_id("1.2.3"), der(1, b"\xff"), der(4))))
        self.check("trusted", extensions=der(0xA0) + der(0xA1, der(0x30, object_id("1.2.3"), der(4))))
        self.check("unsupported", signer_version=3, sid=der(0x80, bytes(20)))
        self.check("unsupported", signature_algorithm=algorithm("1.2.840.10045.4.3.2"))
        self.check("unsupported", signature_algorithm=algorithm(WITH_RSA["sha512"]))
        self.check("unsupported", attributes={"1.2.840.113549.1.9.16.2.47": der(0x30, der(0x30, der(0x30, algorithm("1.2.3"), der(4))))})

    def test_chain(self):
        maker = StampMaker()

        def chain(expected, extensions=CA_USE, **change):
            root = certificate("Root", "Root", extensions, **change)
            self.assertEqual(maker.outcome(roots=[root]), expected, change)
        chain("usage", (extension("2.5.29.15", der(3, b"\x01\x06")),))
        chain("unsupported", (), version=0)
        chain("usage", (extension("2.5.29.19", der(0x30)),))
        chain("usage", (CA_USE[0], extension("2.5.29.15", der(3, b"\x01\x02"))))
        chain("trusted", (extension("2.5.29.19", der(0x30, der(1, b"\xff"), number(0))),))
        chain("usage", CA_USE + (extension("2.5.29.37", der(0x30, object_id("1.3.6.1.5.5.7.3.3"))),))
        chain("trusted", CA_USE + (extension("2.5.29.37", der(0x30, object_id("2.5.29.37.0"))),))
        chain("expired", ends="260301055959Z")
        self.assertEqual(maker.outcome(roots=[certificate("Other", "Root", CA_USE)]), "chain")
        expired, valid = certificate("Root", "Root", CA_USE, ends="260301055959Z"), certificate("Root", "Root", CA_USE, serial=9)
        self.assertEqual(maker.outcome(roots=[expired, valid]), "trusted")

    def test_long_chains(self):
        def chain(count, zero=False):
            between = [certificate("C%d" % i, "C%d" % (i + 1), (extension("2.5.29.19", der(0x30, der(1, b"\xff"), number(0 if zero else 9))),))
                       for i in range(count)]
            root = certificate("C%d" % count, "C%d" % count, CA_USE)
            signer = certificate("TSA", "C0", TSA_USE, serial=2)
            maker = StampMaker(signer=signer, certificates=[signer] + between, sid=der(0x30, name("C0"), number(2)))
            return maker.outcome(roots=[root])
        self.assertEqual([chain(count) for count in (0, 1, 4, 5)], ["trusted", "trusted", "trusted", "chain"])
        self.assertEqual([chain(count, True) for count in (1, 2)], ["trusted", "usage"])

    def test_every_byte(self):
        """Whatever byte is changed, it is never trusted as if nothing had been, and nothing else is raised."""
        maker = StampMaker()
        data, roots = maker.answer(), [verify.Certificate(maker.root)]
        start = data.index(maker.signer)
        for i in range(len(data)):
            bad = bytearray(data)
            bad[i] ^= 1 << i % 8
            try:
                outcome = verify.TimeStamp(bytes(bad), maker.text, "ab", roots).outcome
            except verify.Fault:
                continue
            self.assertFalse(outcome == "" and start <= i < start + len(maker.signer), i)

    def test_elements(self):
        for data in (b"", b"\x30", b"\x30\x80", b"\x30\x81\x05", b"\x30\x81\x7f" + bytes(127), b"\x30\x82\x00\x80" + bytes(128), b"\x30\x84\x00\x00\x00\x01\x00",
                     b"\x1f\x00", b"\x3f\x00", b"\x30\x01", b"\x30\x83\x00\x80\x00" + bytes(1 << 15), b"\x30\xff"):
            self.assertRaises(verify.Fault, verify.Der(data).element)
        for data in (b"\x02\x00", b"\x02\x02\x00\x7f", b"\x02\x02\xff\x80", b"\x03\x01\x00"):
            self.assertRaises(verify.Fault, verify.Der(data).integer)
        for data, value in ((b"\x02\x01\x00", 0), (b"\x02\x01\x80", -128), (b"\x02\x02\x00\x80", 128), (b"\x02\x02\xff\x7f", -129)):
            self.assertEqual(verify.Der(data).integer(), value)
        for data in (b"\x03\x00", b"\x03\x01\x01", b"\x03\x02\x08\x00", b"\x03\x02\x01\x01", b"\x03\x02\x07\x40"):
            self.assertRaises(verify.Fault, verify.Der(data).bits)
        for data in (b"\x03\x01\x00", b"\x03\x02\x07\x80", b"\x03\x02\x00\xff"):
            verify.Der(data).bits()
        for data in (b"\x01\x01\x01", b"\x01\x00", b"\x01\x02\x00\x00"):
            self.assertRaises(verify.Fault, verify.Der(data).boolean)
        for text in ("991231235959Z", "500101000000Z"):
            self.assertLess(verify.der_time(verify.Der(der(23, text.encode()))), 946684800)
        for tag, text in ((23, "9912312359Z"), (23, "991231235959+0100"), (24, "00000101000000Z"), (24, "20260101000000.5Z"), (24, "20260101240000Z"), (23, "990230000000Z")):
            self.assertRaises(verify.Fault, verify.der_time, verify.Der(der(tag, text.encode())))

    def test_roots(self):
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        one = base64.b64encode(StampMaker().root).decode()
        good = "%s\n%s\n%s\n" % (begin, one, end)
        for text in (good, "words\n" + good.replace("\n", "\r\n") + "words", " " + good, good * 64, good + end, good.replace(one, one[:60] + "\n\t" + one[60:])):
            verify.read_roots(text.encode())
        for text in ("", "words", good * 65, good + begin, begin + "\n" + good, good.replace(one, one[:-4]), good.replace(one, one + "AAAA"), good.replace(one, ""),
                     good.replace(one, one + "="), good + "x" * (1 << 20)):
            self.assertRaises(verify.Fault, verify.read_roots, text.encode())

    def test_openssl(self):
        """A stamp of OpenSSL, in the log whose checkpoint it is over."""
        log = example()
        body = {"authority": "https://tsa.example", "id": "anc_1", "media_type": verify.STAMP, "nonce": STAMP_NONCE, "op": "anchors.stamp", "size": 3}
        log.add("anchor", body=body, content=base64.b64decode(STAMP_REPLY))
        log.add("op")
        found = report(bundle(log), [log.vkey], roots=STAMP_ROOT)
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
        self.assertEqual([(a["trusted"], a["by"], a["time"]) for a in found["anchors"]], [(True, "https://tsa.example", "2026-11-22T06:11:28.000Z")])
        self.assertEqual(found["items"][2]["bracket"]["by"], "2026-11-22T06:11:28.000Z")
        self.assertEqual(found["items"][4]["bracket"]["after"], "2026-11-22T06:11:28.000Z")
        self.assertIn("clock", found["items"][4]["reason"])
        found = report(bundle(log), [log.vkey])
        self.assertEqual((found["verdict"], found["anchors"][0]["trusted"], found["anchors"][0]["reason"]), ("VERIFIED", False, "chain"))
        missing = hashlib.sha256(base64.b64decode(STAMP_REPLY)).hexdigest()
        found = report(bundle(log, drop=[missing], scope="selected"), [log.vkey], roots=STAMP_ROOT)
        self.assertEqual((found["verdict"], found["anchors"][0]["trusted"], found["anchors"][0]["time"]), ("VERIFIED", False, ""))
        for change in ({"size": 2}, {"nonce": "1"}, {"nonce": ""}, {"nonce": STAMP_NONCE.upper()}, {"nonce": "0" * 49 + STAMP_NONCE}, {"authority": ""}, {"media_type": "text/plain"}, {"id": None}, {"x": ""}):
            log = example()
            log.add("anchor", body={k: v for k, v in dict(body, **change).items() if v is not None}, content=base64.b64decode(STAMP_REPLY))
            found = report(bundle(log), [log.vkey], roots=STAMP_ROOT)
            self.assertEqual((found["verdict"], verdicts(found)[3]), ("CORRUPTED", "CORRUPTED"), change)
        log = example()
        log.add("anchor", body=body)
        self.assertEqual(report(bundle(log))["verdict"], "CORRUPTED")


# --- The proof of one entry ----------------------------------------------------------

def proof(log, index, opened=True, extra=True, cosignatures=(), change=None, **parts):
    size = len(log.leaves)
    value = {"leaf": log.leaves[index].decode()}
    if index:
        value["first"] = {"leaf": log.leaves[0].decode(), "proof": [b64(x) for x in tree_path(0, log.leaves)]}
    if opened and index in log.openings:
        value["open"] = log.openings[index]
    if change:
        change(value)
    lines = ["c2sp.org/tlog-proof@v1"]
    if extra:
        lines.append("extra " + b64((value if isinstance(value, str) else dumps(value)).encode()))
    lines += ["index %d" % index] + [b64(x) for x in tree_path(index, log.leaves)]
    assert size
    return "\n".join(lines).encode() + b"\n\n" + log.checkpoint() + "".join(line + "\n" for line in cosignatures).encode()


def proven(data, keys=(), policy=None, content=None):
    found = verify.Proof(data, trust(keys, policy), content).report("a.tlog-proof")
    found["items"] = list(found["items"])
    return found


class Proofs(unittest.TestCase):
    def test_verdicts(self):
        log = example()
        for index in range(3):
            found = proven(proof(log, index), [log.vkey])
            self.assertEqual((found["verdict"], found["key"], found["scope"], found["created"], found["size"]), ("VERIFIED", "given", "proof", "", 3), reasons(found))
            self.assertEqual((found["items"][0]["index"], found["items"][0]["bracket"]), (index, {"after": "", "by": "log clock only"}))
            self.assertEqual(proven(proof(log, index))["verdict"], "CONSISTENT")
        self.assertEqual(found["items"][0]["id"], "evd_1")
        self.assertEqual(proven(proof(log, 2, opened=False), [log.vkey])["items"][0]["id"], "entry/2")
        self.assertEqual(proven(proof(log, 1), [LogWriter(5).vkey])["verdict"], "CORRUPTED")
        demo = LogWriter(1, demo=True)
        demo.add("op")
        self.assertEqual([proven(proof(demo, index), [demo.vkey])["verdict"] for index in (0, 1)], ["DEMO", "DEMO"])

    def test_receipt(self):
        log = example()
        self.assertEqual(proven(proof(log, 1, extra=False), [log.vkey])["verdict"], "CONSISTENT")
        self.assertEqual(proven(proof(log, 1, extra=False), [LogWriter(5).vkey])["verdict"], "CORRUPTED")

    def test_content(self):
        log = example()
        self.assertEqual(proven(proof(log, 1, extra=False), [log.vkey], content=("0" * 64, 1))["verdict"], "CONSISTENT")
        right = hashlib.sha256(b"backup ran\n").hexdigest(), 11
        self.assertEqual(proven(proof(log, 1), [log.vkey], content=right)["verdict"], "VERIFIED")
        self.assertEqual(proven(proof(log, 2), [log.vkey], content=right)["verdict"], "CORRUPTED")
        self.assertEqual(proven(proof(log, 1, opened=False), [log.vkey], content=right)["verdict"], "CORRUPTED")

    def test_after_rotation(self):
        log = example()
        first = log.vkey
        log.rotate(2)
        self.assertEqual(proven(proof(log, 1), [log.vkey])["verdict"], "VERIFIED")
        self.assertEqual(proven(proof(log, 1), [first])["verdict"], "CORRUPTED")
        self.assertEqual(proven(proof(log, 1))["verdict"], "CORRUPTED")

    def test_cosigned(self):
        log, one, two = example(), Witness("w1.example", 11), Witness("w2.example", 12)
        policy = "witness one %s\nwitness two %s\ngroup both all one two\nquorum " % (one.vkey, two.vkey)
        lines = [one.line(log.text(), 1772344900), two.line(log.text(), 1772344800)]
        found = proven(proof(log, 1, cosignatures=lines), [log.vkey], policy + "both")
        self.assertEqual((found["verdict"], found["witnessed"], found["items"][0]["bracket"]["by"]), ("VERIFIED", [{"log": 0, "size": 3}], "2026-03-01T06:00:00.000Z"))
        self.assertEqual(proven(proof(log, 1, cosignatures=lines[:1]), [log.vkey], policy + "both")["verdict"], "CONSISTENT")
        self.assertEqual(proven(proof(log, 1, cosignatures=lines * 8), [log.vkey])["verdict"], "VERIFIED")
        self.assertEqual(proven(proof(log, 1, cosignatures=lines * 9), [log.vkey])["verdict"], "CORRUPTED")
        self.assertEqual(proven(proof(log, 1, cosignatures=[one.line(log.text(2), 1772344900)]), [log.vkey], policy + "none")["verdict"], "CORRUPTED")
        self.assertEqual(proven(proof(log, 1, cosignatures=["\u2014 x"]), [log.vkey])["verdict"], "CORRUPTED")

    def test_every_byte(self):
        log = example()
        data, trusted = proof(log, 1), trust([log.vkey])
        for i in range(0, len(data)):
            bad = bytearray(data)
            bad[i] ^= 1 << i % 8
            found = verify.Proof(bytes(bad), trusted, None)
            list(found.report("x")["items"])
            # What is changed within `extra` may leave the optional opening out of reach only by breaking it.
            self.assertEqual(found.verdict, "CORRUPTED", "byte %d" % i)

    def test_altered(self):
        log = example()
        cases = [lambda v: v.pop("first"), lambda v: v.pop("leaf"), lambda v: v.__setitem__("x", "1"), lambda v: v.__setitem__("leaf", log.leaves[2].decode()),
                 lambda v: v["first"].__setitem__("proof", []), lambda v: v["first"].__setitem__("leaf", log.leaves[1].decode()), lambda v: v["first"].__setitem__("x", 1),
                 lambda v: v["first"]["proof"].reverse(), lambda v: v["open"]["body"].__setitem__("payload", '{"op":"x"}'), lambda v: v.__setitem__("open", {}),
                 lambda v: v.__setitem__("leaf", 1), lambda v: v.__setitem__("first", []), lambda v: v["first"].__setitem__("proof", [1, 2])]
        for n, change in enumerate(cases):
            self.assertEqual(proven(proof(log, 1, change=change), [log.vkey])["verdict"], "CORRUPTED", n)
        data = proof(log, 1)
        for bad in (b"", data[:-1], data + b"\n", data.replace(b"index 1", b"index 01"), data.replace(b"index 1", b"index 2"), data.replace(b"index 1", b"index 3"),
                    data.replace(b"index 1\n", b""), data.replace(b"index 1", b"index " + b"9" * 5000), data.replace(b"@v1", b"@v2"), data.replace(b"\n\n", b"\n", 1),
                    data.replace(b"\n", b"\r\n"), b"x" * (2 << 20) + data, data.replace(b"index 1\n", b"index 1\n" + b"A" * 43 + b"=\n")):
            found = proven(bad, [log.vkey])
            self.assertEqual(found["verdict"], "CORRUPTED", bad[:80])
        self.assertEqual(proven(data.replace(b"index 1", b"index 3"))["items"][0]["verdict"], "CORRUPTED")
        self.assertEqual(proven(data.replace(b"index 1", b"index 01"))["items"], [])


# --- The order of events ---------------------------------------------------------------

class Engagement:
    """A small examination, entry by entry in the order of the clock. A test gives `change`: from the
    name of an entry to what is done to it before it is written, or None to leave it out."""

    def __init__(self, change=None, method="random", rows=9, records=True, by=None):
        self.change, self.at, self.rows = dict(change or {}), {}, rows
        self.file, self.client = LogWriter(6), LogWriter(7)
        self.nonce = bytes(range(32))
        self.items = [("CHG-%04d" % i).encode() for i in range(1, rows + 1)]
        self.method, self.with_records, self.by = method, records, by
        self.write()

    def step(self, name, log, kind, body, answers=None, **fields):
        entry = dict(fields, kind=kind, body=dict(body), actor=fields.get("actor", "usr_staff"), answers=answers)
        if name in self.change:
            change = self.change[name]
            if change is None:
                return
            change(entry)
        answers = entry.pop("answers")
        if isinstance(answers, str):
            answers = (self.client if log is self.file else self.file).answer(self.at[answers]) if answers in self.at else None
        content = entry.pop("content", None)
        if isinstance(content, list):
            content, parts = self.chunks(content)
            log.blobs.update(parts)
        self.at[name] = log.add(entry.pop("kind"), content=content, answers=answers, **entry)

    @staticmethod
    def chunks(parts):
        listed = [{"count": part.count(b"\n"), "sha256": hashlib.sha256(part).hexdigest(), "size": len(part)} for part in parts]
        return dumps({"chunks": listed, "v": 1}).encode(), {hashlib.sha256(part).hexdigest(): part for part in parts}

    def lists(self):
        rows, records, commits = [], [], []
        for n, item in enumerate(self.items):
            r = hashlib.sha256(item).digest()
            record = dumps({"fields": {"kind": "normal" if n % 3 else "urgent", "n": n // 5}}).encode()
            commit = verify.commitment(b"item", b'{"item":"%s","record":%s}' % (item, record), r)
            rows.append(b"%s\t%s\n" % (item, commit.hex().encode()))
            records.append(b"%s\t%s\t%s\n" % (item, r.hex().encode(), record))
            commits.append(commit)
        cut = len(rows) // 2
        self.row_parts = [b"".join(rows[:cut]), b"".join(rows[cut:])]
        self.record_parts = [b"".join(records[:cut]), b"".join(records[cut:])]
        self.digest = hashlib.sha256(b"".join(rows)).hexdigest()
        self.root = tree_root(commits).hex()

    def order(self):
        seed = hmac.new(self.nonce, ("soc2-sample/v1\n%s\nCHG-01\n2026-01-01/2026-12-31" % self.digest).encode(), "sha256").digest()
        self.seed = seed.hex()
        return sorted(self.items, key=lambda item: (hmac.new(seed, item, "sha256").digest(), item)), seed

    def draw(self, n):
        order, seed = self.order()
        if self.method == "random":
            return {"picks": [{"item": item.decode(), "rank": i + 1} for i, item in enumerate(order[:n])], "v": 1}
        if self.method == "systematic":
            start = int.from_bytes(hmac.new(seed, b"systematic-start", "sha256").digest()[:8], "big") % self.rows
            return {"picks": [{"item": self.items[(start + i * self.rows) // n].decode(), "rank": i + 1} for i in range(n)], "v": 1}
        strata = {item: "urgent" if i % 3 == 0 else "normal" for i, item in enumerate(self.items)}
        shares = {"normal": 3, "urgent": 1}  # of 9 items 6 and 3; 4 of 9: 2 2/3 and 1 1/3
        picks = [{"item": item.decode(), "rank": i + 1, "stratum": name} for name in sorted(shares)
                 for i, item in enumerate([x for x in order if strata[x] == name][:shares[name]])]
        return {"picks": picks, "strata": [[item.decode(), strata[item]] for item in self.items], "v": 1}

    def write(self):
        self.lists()
        f, c, step = self.file, self.client, self.step
        commitment = hashlib.sha256(self.nonce).hexdigest()
        period = "2026-01-01/2026-12-31"
        sealed_list = {"version": 1, "digest": self.digest}
        step("commit", f, "sample", {"step": "commit", "op": "x", "id": "pop_1", "population": "POP-08", "commitment": commitment})
        step("evidence", c, "evidence", {"op": "evidence.add", "id": "evd_1"}, content=b"approval\n")
        step("records", c, "evidence", {"op": "seal", "id": "evd_rows", "media_type": verify.CHUNKS}, content=self.record_parts)
        step("seal", c, "population", {"step": "seal", "op": "x", "id": "pop_1", "media_type": verify.CHUNKS, "commitment": commitment, "rows": self.rows,
                                       "period": period, "records": self.at.get("records", 0), **sealed_list}, "commit", content=self.row_parts,
             items={"count": self.rows, "root": self.root})
        step("accept", f, "population", {"step": "accept", "op": "x", "id": "pop_1", "decision": "complete", **sealed_list}, "seal")
        drawn = self.draw(4)
        body = {"step": "draw", "op": "x", "id": "smp_1", "population": "pop_1", "procedure": "prc_1", "commitment": commitment, "nonce": self.nonce.hex(),
                "control": "CHG-01", "period": period, "method": self.method, "n": 4, "total": self.rows, "seed": self.order()[1].hex(), **sealed_list}
        if self.by:
            body["strata_by"] = self.by
        step("draw", f, "sample", body, "seal", content=dumps(drawn).encode())
        picks = [pick["item"] for pick in drawn["picks"]]
        more = [item.decode() for item in self.order()[0] if item.decode() not in picks][:2]
        step("link", c, "evidence", {"step": "link", "op": "x", "id": "evd_1", "procedure": "prc_1", "items": picks[:3]}, "draw")
        step("file-link", f, "evidence", {"step": "link", "op": "x", "id": "evd_1", "procedure": "prc_1", "items": picks[3:]}, "evidence")
        marks = [{"item": item, "attribute": "A", "mark": "agrees"} for item in picks]
        marks[0]["mark"] = "deviation"
        step("test", f, "test", {"step": "test", "op": "x", "id": "prc_1", "marks": marks}, "link")
        step("extend", f, "sample", {"step": "extend", "op": "x", "id": "smp_1", "procedure": "prc_1", "from": 4, "to": 6, "reason": "one deviation"},
             content=dumps({"picks": [{"item": item, "rank": i + 5} for i, item in enumerate(more)], "v": 1}).encode())
        step("link-2", c, "evidence", {"step": "link", "op": "x", "id": "evd_1", "procedure": "prc_1", "items": more}, "extend")
        step("test-2", f, "test", {"step": "test", "op": "x", "id": "prc_1", "marks": [{"item": item, "attribute": "A", "mark": "agrees"} for item in more]}, "link-2")
        step("control", f, "conclusion", {"step": "control", "op": "x", "id": "prc_1", "control": "CHG-01", "decision": "effective", "tested": 6, "deviations": 1})
        results = b"".join(b"%s\t%s\n" % (item, b"deviation" if n == 2 else b"agrees" if n % 2 else b"unknown") for n, item in enumerate(self.items))
        step("full", f, "test", {"step": "full", "op": "x", "id": "prc_2", "population": "pop_1", "attribute": "A", "total": self.rows, "agrees": self.rows // 2,
                                 "deviates": 1, "unknown": self.rows - 1 - self.rows // 2, **sealed_list}, "seal", content=results)
        step("control-2", f, "conclusion", {"step": "control", "op": "x", "id": "prc_2", "control": "CHG-02", "decision": "not_effective", "tested": self.rows, "deviations": 1})
        step("link-3", c, "evidence", {"step": "link", "op": "x", "id": "evd_1", "procedure": "prc_3", "items": ["CHG-03"]}, "commit")
        step("test-3", f, "test", {"step": "test", "op": "x", "id": "prc_3", "marks": [{"item": "CHG-03", "attribute": "A", "mark": "agrees"}]}, "link-3")
        step("control-3", f, "conclusion", {"step": "control", "op": "x", "id": "prc_3", "control": "CHG-03", "decision": "effective", "tested": 1, "deviations": 0})
        for n in ("1", "2", "3"):
            step("review-" + n, f, "signoff", {"step": "review", "op": "x", "id": "prc_" + n}, actor="usr_manager")
        step("criterion", f, "conclusion", {"step": "criterion", "op": "x", "id": "eng_1", "criterion": "CC8.1", "decision": "met"})
        step("part", f, "conclusion", {"step": "part", "op": "x", "id": "eng_1", "part": "design", "decision": "unmodified"})
        step("draft", f, "op", {"step": "draft", "op": "x", "id": "rep_1"}, content=b"draft")
        step("assertion", c, "signoff", {"step": "assertion", "op": "x", "id": "rep_1", "draft": hashlib.sha256(b"draft").hexdigest()}, "draft")
        step("opinion", f, "signoff", {"step": "opinion", "op": "x", "id": "eng_1", "parts": {"design": "unmodified"}}, "assertion", actor="usr_partner")
        step("issue", f, "signoff", {"step": "issue", "op": "x", "id": "rep_1"}, content=b"report", actor="usr_partner")
        step("late", f, "op", {"op": "x"})

    def report(self, scope="selected", **parts):
        return report(bundle(self.file, self.client, scope=scope, **parts), [self.file.vkey, self.client.vkey])


def body(**fields):
    def change(entry):
        entry["body"].update(fields)
        entry["body"] = {k: v for k, v in entry["body"].items() if v is not None}
    return change


def field(**fields):
    return lambda entry: entry.update(fields)


def content(old, new):
    def change(entry):
        if isinstance(entry["content"], list):
            entry["content"] = [part.replace(old, new, 1) if i == 0 else part for i, part in enumerate(entry["content"])]
        else:
            entry["content"] = entry["content"].replace(old, new, 1)
    return change


class Examinations(unittest.TestCase):
    def test_good(self):
        for settings in ({}, {"method": "systematic"}, {"method": "stratified"}, {"method": "stratified", "by": "kind"}, {"rows": 1000, "method": "systematic"}):
            found = Engagement(**settings).report()
            self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
            procedures = found["examination"]["procedures"]
            self.assertEqual([(p["id"], p["drawn"], p["recomputed"], p["tested"], p["deviations"]) for p in procedures],
                             [("prc_1", 6, True, 6, 1), ("prc_2", 0, False, settings.get("rows", 9), 1), ("prc_3", 0, False, 1, 0)])
            self.assertTrue(found["examination"]["populations"][0]["compared"])

    def test_without_records(self):
        engagement = Engagement()
        names = [hashlib.sha256(part).hexdigest() for part in engagement.record_parts]
        found = engagement.report(drop=names)
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
        self.assertFalse(found["examination"]["populations"][0]["compared"])

    def test_rules(self):
        nonce = hashlib.sha256(b"other").hexdigest()
        other = body(digest="0" * 64)

        def mark(index, **fields):
            return lambda entry: entry["body"]["marks"][index].update(fields)

        cases = [
            ("E3", {"accept": body(decision="rejected")}), ("E3", {"accept": body(decision="fine")}), ("E3", {"accept": other}), ("E3", {"accept": None}),
            ("E3", {"accept": body(version=2)}), ("E3", {"accept": field(answers=None)}), ("E3", {"accept": field(answers="records")}),
            ("E2", {"commit": None}), ("E2", {"commit": body(commitment="0" * 64)}), ("E2", {"seal": field(answers=None)}), ("E2", {"seal": body(rows=8)}),
            ("E2", {"seal": body(digest="0" * 64)}), ("E2", {"seal": field(items={"count": 9, "root": "0" * 64})}), ("E2", {"seal": body(period="2026")}),
            ("E2", {"seal": body(records=3)}), ("E2", {"seal": body(records=1)}), ("E2", {"seal": body(records=0)}), ("E2", {"seal": body(period="2026-02-30/2026-12-31")}),
            ("E2", {"seal": content(b"CHG-0001", b"CHG-0002")}), ("E2", {"seal": content(b"CHG-0001", b"")}), ("E2", {"seal": content(b"CHG-0001", b"\xef\xbb\xbfA")}),
            ("E2", {"seal": content(b"CHG-0001", b"\xff")}), ("E2", {"seal": content(b"CHG-0001", b"A\xc2\x85")}), ("E2", {"seal": content(b"CHG-0001", b"A" * 1000)}),
            ("E2", {"seal": body(media_type=None)}), ("E2", {"records": content(b"urgent", b"normal")}), ("E2", {"records": content(b"CHG-0001", b"CHG-0000")}),
            ("E2", {"records": content(b'{"fields"', b'{ "fields"')}),
            ("E4", {"draw": body(nonce=nonce)}), ("E4", {"draw": body(seed="0" * 64)}), ("E4", {"draw": body(total=8)}), ("E4", {"draw": body(period="2026-01-01/2026-06-30")}),
            ("E4", {"draw": body(n=5)}), ("E4", {"draw": body(n=10 ** 9)}), ("E4", {"draw": body(method="chosen")}), ("E4", {"draw": body(commitment="0" * 64)}),
            ("E4", {"draw": content(b'"rank":1}', b'"rank":0}')}), ("E4", {"draw": content(b'"v":1', b'"v":2')}), ("E4", {"draw": content(b"CHG", b"CHH")}),
            ("E4", {"draw": body(control="CHG-09")}), ("E4", {"extend": body(**{"from": 5})}), ("E4", {"extend": body(to=7)}), ("E4", {"extend": body(to=4)}),
            ("E4", {"extend": content(b"CHG", b"CHH")}), ("E4", {"draw": None}),
            ("E5", {"link": field(answers="commit")}), ("E5", {"link": body(items=["CHG-9999"])}), ("E5", {"link": body(id="evd_2")}), ("E5", {"evidence": field(kind="op")}),
            ("E5", {"file-link": body(id="evd_rows")}), ("E5", {"file-link": field(answers="link")}), ("E5", {"file-link": body(items=["CHG-9999"])}),
            ("E5", {"link": field(answers=None)}),
            ("E6", {"link": None}), ("E6", {"file-link": None}), ("E6", {"test": mark(0, item="CHG-9999")}), ("E6", {"test": field(answers="records")}), ("E6", {"link-3": None}),
            ("E6", {"full": body(agrees=5)}), ("E6", {"full": body(total=10)}), ("E6", {"full": content(b"CHG-0001", b"CHG-0000")}), ("E6", {"full": content(b"agrees", b"agree")}),
            ("E6", {"full": content(b"CHG-0001\tunknown\n", b"")}), ("E3", {"full": other}),
            ("E7", {"control": body(tested=5)}), ("E7", {"control": body(tested=7)}), ("E7", {"control": body(deviations=0)}), ("E7", {"control": body(control="CHG-09")}),
            ("E7", {"test-2": None}), ("E7", {"test": mark(1, mark="untested")}), ("E7", {"control-2": body(tested=8)}), ("E7", {"control-2": body(deviations=2)}),
            ("E7", {"control-2": body(tested=0, deviations=0)}), ("E7", {"control-3": body(control="CHG-04")}), ("E7", {"control-3": body(tested=2)}), ("E7", {"test-3": None}),
            ("E8", {"control": None}), ("E8", {"review-1": None}), ("E8", {"review-1": field(actor="usr_staff")}), ("E8", {"review-1": field(actor=None)}),
            ("E8", {"part": body(decision="qualified")}), ("E8", {"part": None}), ("E8", {"opinion": body(parts={"operation": "unmodified"})}), ("E8", {"assertion": None}),
            ("E8", {"assertion": body(id="rep_2")}), ("E8", {"assertion": body(draft="0" * 64)}), ("E8", {"draft": None}), ("E8", {"opinion": None}), ("E8", {"opinion": field(answers=None)}),
            ("E8", {"late": lambda e: e.update(kind="conclusion", body={"op": "x", "step": "part", "id": "eng_1", "part": "a", "decision": "b"})}),
            ("E8", {"late": lambda e: e.update(kind="signoff", body={"op": "x", "step": "review", "id": "prc_1"}, actor="usr_other")}),
            ("E8", {"late": lambda e: e.update(kind="signoff", body={"op": "x", "step": "opinion", "id": "eng_1", "parts": {}})}),
            ("E8", {"late": lambda e: e.update(kind="signoff", body={"op": "x", "step": "issue", "id": "rep_1"}, content=b"report")}),
            ("E1", {"late": lambda e: e.update(kind="sample", body={"op": "x", "step": "commit", "id": "pop_1", "population": "POP-08", "commitment": nonce})}),
            ("not of kind", {"accept": field(kind="op")}), ("of another form", {"accept": body(version="1")}), ("of another form", {"accept": body(version=-1)}),
            ("of another form", {"accept": body(version=True)}), ("of another form", {"accept": body(decision="")}), ("of another form", {"draw": body(nonce="0")}),
            ("of another form", {"test": body(marks=[])}), ("of another form", {"test": mark(0, mark="good")}), ("of another form", {"link": body(items=[])}),
            ("of another form", {"link": body(items="CHG")}), ("of another form", {"opinion": body(parts=[])}), ("without an id", {"accept": body(id=None)}),
            ("without a content", {"issue": field(content=None)}),
        ]
        for rule, change in cases:
            found = Engagement(change).report()
            where = "%s %s" % (rule, sorted(change))
            self.assertEqual(found["verdict"], "CORRUPTED", where)
            self.assertIn(rule, reasons(found), where)
            self.assertIn("examination", found, where)
            self.assertNotIn("CORRUPTED", verdicts(found), where + reasons(found))

    def test_allowed(self):
        cases = [{"review-1": field(), "opinion": None, "issue": None, "assertion": None}, {"link": None, "test": lambda e: [m.update(mark="deviation") for m in e["body"]["marks"]] and e.update(answers=None),
                                                                                      "control": body(deviations=4)},
                 {"accept": body(decision="explained")}, {"control": body(decision="undetermined", tested=3)}, {"control-2": body(decision="undetermined", tested=0, deviations=0)},
                 {"seal": body(more="x")}, {"late": body(step="seal", id="pop_1")}, {"evidence": body(step="draw")}, {"late": body(step="other")}, {"file-link": None, "test": lambda e: e["body"]["marks"].pop(3), "control": body(decision="no_occurrence", tested=5)},
                 {"test-3": None, "link-3": None, "control-3": body(decision="no_occurrence", tested=0)}]
        for change in cases:
            found = Engagement(change).report()
            self.assertEqual(found["verdict"], "VERIFIED", "%s %s" % (sorted(change), reasons(found)))

    def test_opened(self):
        engagement = Engagement()
        engagement.file.closed.add(engagement.at["late"])
        self.assertIn("is not opened", reasons(engagement.report()))
        engagement = Engagement()
        engagement.client.closed.add(engagement.at["assertion"])
        self.assertIn("is not opened", reasons(engagement.report()))
        self.assertIn("scope selected", reasons(Engagement().report(scope="all")))
        engagement = Engagement()
        engagement.file.add("erasure", body={"op": "x"}, erases=[engagement.at["test"]])
        self.assertIn("does not erase", reasons(engagement.report()))

    def test_another_engagement(self):
        engagement = Engagement()
        other = LogWriter(9)
        engagement.client.add("evidence", body={"op": "x", "step": "link", "id": "evd_7", "procedure": "prc_7", "items": ["a"]}, answers=other.answer(0), actor="usr_1")
        self.assertEqual(engagement.report()["verdict"], "VERIFIED")
        engagement.client.add("evidence", body={"op": "x", "step": "link", "id": "evd_7", "procedure": "prc_1", "items": ["a"]}, answers=other.answer(0), actor="usr_1")
        self.assertIn("E5", reasons(engagement.report()))

    def test_client_alone(self):
        """The client's own bundle has seals and is no engagement."""
        engagement = Engagement()
        found = report(bundle(engagement.client), [engagement.client.vkey])
        self.assertEqual(found["verdict"], "VERIFIED", reasons(found))
        self.assertNotIn("examination", found)

    def test_shares(self):
        self.assertEqual(verify.allocate({b"a": 6, b"b": 3}, 4), {b"a": 3, b"b": 1})
        self.assertEqual(verify.allocate({b"a": 1, b"b": 98, b"c": 1}, 3), {b"a": 1, b"b": 1, b"c": 1})
        self.assertEqual(verify.allocate({b"a": 5, b"b": 5}, 3), {b"a": 2, b"b": 1})
        self.assertEqual(verify.allocate({}, 0), {})
        self.assertRaises(verify.Fault, verify.allocate, {b"a": 5, b"b": 5}, 1)


# --- The program ---------------------------------------------------------------------------

class Program(unittest.TestCase):
    def run_main(self, *arguments, stdin=""):
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        before = sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    status = verify.main(list(arguments))
                except SystemExit as end:
                    status = end.code
        finally:
            sys.stdin = before
        return status, out.buffer.getvalue().decode(), err.getvalue()

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.log = example()
        self.path = self.put("example.evb", bundle(self.log))

    def put(self, name, data):
        path = os.path.join(self.dir.name, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_statuses(self):
        key = self.put("key", self.log.vkey.encode() + b"\n")
        self.assertEqual(self.run_main(self.path)[0], 3)
        self.assertEqual(self.run_main("--key", self.log.vkey, self.path)[0], 0)
        self.assertEqual(self.run_main("--key", key, "--items", self.path)[0], 0)
        self.assertEqual(self.run_main("--key", LogWriter(5).vkey, self.path)[0], 1)
        self.assertEqual(self.run_main(self.put("bad.evb", b"PK"))[0], 1)
        self.assertEqual(self.run_main(self.put("demo.evb", bundle(LogWriter(1, demo=True))))[0], 4)
        one = self.put("one.tlog-proof", proof(self.log, 1))
        self.assertEqual(self.run_main("--key", key, one)[0], 0)
        self.assertEqual(self.run_main("--key", key, "--content", self.put("c", b"backup ran\n"), one)[0], 0)
        self.assertEqual(self.run_main("--key", key, "--content", self.put("c", b"backup ran"), one)[0], 1)
        root = self.put("root.pem", STAMP_ROOT.encode())
        policy = self.put("policy", ("log %s\nquorum none\n" % self.log.vkey).encode())
        self.assertEqual(self.run_main("--policy", policy, "--tsa-root", root, self.path)[0], 0)
        for arguments in ((), ("--key", "nothing", self.path), ("--key", policy, self.path), ("--policy", key, self.path), ("--policy", "nothing", self.path),
                          ("--tsa-root", key, self.path), ("--content", key, self.path), ("nothing.evb",), (self.dir.name,), ("--other", self.path), (self.path, self.path),
                          ("--content", "nothing", one), ("a\0b.evb",), ("--batch", self.path), ("--keys", self.log.vkey, self.path)):
            self.assertEqual(self.run_main(*arguments)[0], 2, arguments)

    def test_output(self):
        status, out, _ = self.run_main("--json", "--key", self.log.vkey, self.path)
        expected = report(bundle(self.log), [self.log.vkey])
        self.assertEqual(json.loads(out), expected)
        self.assertEqual(out, json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
        status, out, _ = self.run_main("--json", self.put("bad.evb", b""))
        self.assertEqual((json.loads(out)["verdict"], json.loads(out)["items"]), ("CORRUPTED", []))
        out = self.run_main("--items", "--key", self.log.vkey, self.path)[1]
        self.assertTrue(out.startswith("VERIFIED  example.evb\n"))
        self.assertRegex(out, r"SUPERSEDED +2026-03-01T06:00:00.000Z \.\. log clock only  evidence  evd_1")
        self.assertIn("\\u001b", self.run_main(self.put("a\x1b[2J.evb", b""))[1])

    def test_batch(self):
        orders = [{"file": self.path, "keys": [self.log.vkey], "policy": "", "tsa_roots": [], "content": ""}, {"file": "nothing"}, {"file": self.path}, {}, [], {"file": 1},
                  {"file": self.put("bad.evb", b"PK" * 100)}]
        status, out, _ = self.run_main("--batch", stdin="\n".join(map(json.dumps, orders)) + "\n{\n" + json.dumps(orders[0]))
        answers = [json.loads(line) for line in out.split("\n")[:-1]]
        self.assertEqual(status, 0)
        self.assertEqual([answer["status"] for answer in answers], [0, 2, 3, 70, 70, 70, 1, 70, 0])
        self.assertEqual(answers[0]["report"], report(bundle(self.log), [self.log.vkey]))

    def test_a_fault_of_the_program_is_no_verdict(self):
        before = verify.Bundle
        verify.Bundle = None
        try:
            self.assertEqual(self.run_main(self.path)[0], 70)
        finally:
            verify.Bundle = before

    def test_what_it_imports_and_calls(self):
        """The standard library only, and of it nothing that reaches outside; files are opened for reading."""
        allowed = {"argparse", "array", "base64", "binascii", "bisect", "datetime", "hashlib", "heapq", "hmac", "json", "os", "re", "struct", "sys", "zlib"}
        with open(os.path.join(HERE, "verify.py"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        imported, called = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
                if node.func.id == "open":
                    self.assertEqual([arg.value for arg in node.args[1:]], ["rb"])
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                self.assertIn(node.attr, ("path", "SEEK_END"))
        self.assertEqual(imported, allowed)
        self.assertFalse(called & {"eval", "exec", "compile", "__import__", "input", "breakpoint", "globals"})


if __name__ == "__main__":
    unittest.main()
