#!/usr/bin/env python3
"""A second decoder of the format, written from FORMAT.md alone and with nothing but Python's standard
library, ciphers included. It reads the worked example (fixtures/vectors/twofold), derives every key,
checks every check value and MAC, walks from the superblock to the block's plaintext, and opens the
block under every shape of layers. It knows nothing of the C++ code; where both agree, FORMAT.md says
what the program does.

    decode_example.py fixtures/vectors/twofold
"""
import hashlib
import hmac
import json
import pathlib
import struct
import sys

PLAIN = b"twofold example\n" * 256
checks = 0


def check(what, got, expected):
    global checks
    checks += 1
    if got != expected:
        show = lambda v: v.hex() if isinstance(v, bytes) else v
        sys.exit(f"{what}: {show(got)} is not {show(expected)}")


# ---- RFC 5869, RFC 7693, RFC 8439 and draft-irtf-cfrg-xchacha ----

def extract(salt, key):
    return hmac.new(salt, key, hashlib.sha256).digest()


def expand(prk, info, size=32):
    out, block = b"", b""
    while len(out) < size:
        block = hmac.new(prk, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:size]


def blake2b(key, name, data, size):
    return hashlib.blake2b(data, digest_size=size, key=key, person=b"twofold1." + name).digest()


def rotate(v, n):
    return (v << n | v >> (32 - n)) & 0xFFFFFFFF


def chacha_rounds(s):
    def quarter(a, b, c, d):
        s[a] = s[a] + s[b] & 0xFFFFFFFF; s[d] = rotate(s[d] ^ s[a], 16)
        s[c] = s[c] + s[d] & 0xFFFFFFFF; s[b] = rotate(s[b] ^ s[c], 12)
        s[a] = s[a] + s[b] & 0xFFFFFFFF; s[d] = rotate(s[d] ^ s[a], 8)
        s[c] = s[c] + s[d] & 0xFFFFFFFF; s[b] = rotate(s[b] ^ s[c], 7)
    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return s


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha20(key, nonce, counter, data):
    out = b""
    for i in range(0, len(data), 64):
        start = list(SIGMA + struct.unpack("<8I", key) + (counter + i // 64,)
                     + struct.unpack("<3I", nonce))
        end = chacha_rounds(list(start))
        stream = struct.pack("<16I", *(a + b & 0xFFFFFFFF for a, b in zip(start, end)))
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], stream))
    return out


def hchacha20(key, nonce):
    s = chacha_rounds(list(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce)))
    return struct.pack("<8I", *s[:4], *s[12:])


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(data), 16):
        total = (total + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def xchacha20_poly1305_open(key, nonce, associated, data, tag):
    key, nonce = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    lengths = struct.pack("<QQ", len(associated), len(data))
    once = chacha20(key, nonce, 0, bytes(32))
    check("Poly1305 tag", tag, poly1305(once, padded(associated) + padded(data) + lengths))
    return chacha20(key, nonce, 1, data)


# ---- FIPS 197, IEEE 1619, SP 800-38D, C2SP XAES-256-GCM ----

def double(a):
    return a << 1 ^ (0x11B if a & 0x80 else 0)


def times(a, b):
    out = 0
    while b:
        if b & 1:
            out ^= a
        a, b = double(a), b >> 1
    return out


def make_sbox():
    box = []
    for a in range(256):
        inverse = next((b for b in range(256) if times(a, b) == 1), 0)
        value = 0x63
        for i in range(5):
            value ^= inverse << i & 0xFF | inverse >> 8 - i
        box.append(value)
    return box


SBOX = make_sbox()
UNSBOX = [SBOX.index(i) for i in range(256)]
TIMES = {n: [times(a, n) for a in range(256)] for n in (2, 3, 9, 11, 13, 14)}


class Aes256:
    def __init__(self, key):
        words, factor = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
        for i in range(8, 60):
            word = words[-1]
            if i % 8 == 0:
                word = [SBOX[b] for b in word[1:] + word[:1]]
                word[0] ^= factor
                factor = double(factor)
            elif i % 8 == 4:
                word = [SBOX[b] for b in word]
            words.append([a ^ b for a, b in zip(words[i - 8], word)])
        self.keys = [sum(words[i:i + 4], []) for i in range(0, 60, 4)]

    @staticmethod
    def mix(s, row):
        t = [TIMES.get(n) for n in row]
        pick = lambda n, v: t[n][v] if t[n] else v
        return [pick(0, s[c + r]) ^ pick(1, s[c + (r + 1) % 4]) ^ pick(2, s[c + (r + 2) % 4])
                ^ pick(3, s[c + (r + 3) % 4]) for c in range(0, 16, 4) for r in range(4)]

    def encrypt(self, block):
        s = [a ^ b for a, b in zip(block, self.keys[0])]
        for n in range(1, 15):
            s = [SBOX[s[(i + i % 4 * 4) % 16]] for i in range(16)]
            if n < 14:
                s = self.mix(s, (2, 3, 1, 1))
            s = [a ^ b for a, b in zip(s, self.keys[n])]
        return bytes(s)

    def decrypt(self, block):
        s = [a ^ b for a, b in zip(block, self.keys[14])]
        for n in range(13, -1, -1):
            s = [UNSBOX[s[(i - i % 4 * 4) % 16]] for i in range(16)]
            s = [a ^ b for a, b in zip(s, self.keys[n])]
            if n:
                s = self.mix(s, (14, 11, 13, 9))
        return bytes(s)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def xts_open(keys, tweak, data):
    cipher, out = Aes256(keys[:32]), b""
    t = int.from_bytes(Aes256(keys[32:]).encrypt(tweak), "little")
    for i in range(0, len(data), 16):
        mask = t.to_bytes(16, "little")
        out += xor(cipher.decrypt(xor(data[i:i + 16], mask)), mask)
        t = t << 1 ^ (1 << 128 | 0x87 if t >> 127 else 0)
    return out


def xaes_256_gcm_open(key, nonce, associated, data, tag):
    cipher = Aes256(key)
    k1 = int.from_bytes(cipher.encrypt(bytes(16)), "big") << 1
    k1 = (k1 ^ (1 << 128 | 0x87) if k1 >> 128 else k1).to_bytes(16, "big")
    cipher = Aes256(b"".join(cipher.encrypt(xor(k1, bytes([0, n]) + b"X\0" + nonce[:12]))
                             for n in (1, 2)))
    h = int.from_bytes(cipher.encrypt(bytes(16)), "big")
    lengths = struct.pack(">QQ", 8 * len(associated), 8 * len(data))
    y, text = 0, padded(associated) + padded(data) + lengths
    for i in range(0, len(text), 16):
        x, v, y = y ^ int.from_bytes(text[i:i + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                y ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
    stream = lambda n: cipher.encrypt(nonce[12:] + struct.pack(">I", n))
    check("GCM tag", tag, xor(y.to_bytes(16, "big"), stream(1)))
    return b"".join(xor(data[i:i + 16], stream(2 + i // 16)) for i in range(0, len(data), 16))


# ---- The format ----

def sector(directory, name):
    out = bytearray(4096)
    for line in (directory / f"{name}.hex").read_text().splitlines():
        offset, digits = line.split()
        data = bytes.fromhex(digits)
        out[int(offset, 16):int(offset, 16) + len(data)] = data
    return bytes(out)


def derive_layer(dek, salt, i, x, disk, suite):
    prk = extract(salt, dek)
    info = lambda name, context: b"twofold/1/" + name + b"\0" + bytes([i]) + context
    return {"prk": prk,
            "data_key": expand(prk, info(b"data", x), 64 if suite == 3 else 32),
            "header_key": expand(prk, info(b"header", x)),
            "envelope_key": expand(prk, info(b"envelope", disk)),
            "wrap_key": expand(prk, info(b"wrap", x)),
            "commitment": expand(prk, info(b"commit", x))}


def open_block(layers, disk, keyset, block, nonce, slot, tag1, tag2):
    """`layers`: of each layer that is there, its number: (suite, data key)."""
    def open_layer(i, data, tag):
        suite, key = layers[i]
        associated = (b"TF1-DATA" + disk + struct.pack("<QIBBH", block, keyset, i, suite, 0))
        if suite == 1:
            return xchacha20_poly1305_open(key, nonce, associated, data, tag)
        if suite == 2:
            return xaes_256_gcm_open(key, nonce, associated, data, tag)
        check("tag of suite 3", tag, bytes(16))
        return xts_open(key, nonce[:8] + xor(nonce[8:16], nonce[16:]), data)
    if len(layers) == 1:
        (i,) = layers
        check("tag of the absent layer", tag2 if i == 1 else tag1, bytes(16))
        return open_layer(i, slot, tag1 if i == 1 else tag2)
    inner = open_layer(1, slot + tag2, tag1)
    return open_layer(2, inner[:4096], inner[4096:])


def read_header(directory, keys):
    """The static sector, both envelopes and the volume secret; gives what the rest needs."""
    s = sector(directory, "static")
    check("magic", s[:8], b"TWOFOLD1")
    check("version, header size", struct.unpack_from("<II", s, 8), (1, 65536))
    check("SHA-256", s[3904:3936], hashlib.sha256(s[:3904]).digest())
    disk, deployment, salt = s[24:40], s[40:56], s[56:88]
    block_size, shape, segments_max, pool, log = struct.unpack_from("<IIQII", s, 88)
    check("block size, shape", (block_size, shape), (4096, 1))
    up = lambda n, to: -(-n // to) * to
    off_segtab = (1 << 20) + log * 4096
    off_pool = off_segtab + 2 * up(segments_max * 32, 4096)
    off_data = up(off_pool + 2 * up(pool * 8, 4096), 1 << 20)
    check("offsets", struct.unpack_from("<4Q", s, 112), (1 << 20, off_segtab, off_pool, off_data))

    state, bits, suite1, suite2, keyset = struct.unpack_from("<BBBBI", s, 256)
    check("keyset state and layers", (state, bits), (1, 3))
    x = disk + struct.pack("<IBBB", keyset, bits, suite1, suite2)
    check("X", x, bytes.fromhex(keys["X"]))
    layers = {}
    for i, suite in ((1, suite1), (2, suite2)):
        known = keys[f"layer{i}"]
        dek, dek_id = bytes.fromhex(known["dek"]), s[256 + 16 * i:272 + 16 * i]
        derived = derive_layer(dek, salt, i, x, disk, suite)
        for name, value in derived.items():
            check(f"{name} of layer {i}", value.hex(), known[name])
        info = b"twofold/1/deployment\0" + bytes([i]) + dek_id
        check("deployment commitment", expand(extract(deployment, dek), info).hex(),
              known["deployment_commitment"])
        check("commitment", s[272 + 32 * i:304 + 32 * i], derived["commitment"])
        check(f"header MAC {i}", s[3904 + 32 * i:3936 + 32 * i],
              hmac.new(derived["header_key"], s[:3936], hashlib.sha256).digest())
        e = sector(directory, f"envelope{i}")
        check("envelope", e[:8], b"TFEV" + struct.pack("<HBB", 1, i, 1))
        check("envelope's disk and DEK", e[16:48], disk + dek_id)
        check("envelope's SHA-256", e[4000:4032], hashlib.sha256(e[:4000]).digest())
        check("envelope's MAC", e[4032:4064],
              hmac.new(derived["envelope_key"], e[:4032], hashlib.sha256).digest())
        layers[i] = (suite, derived)
    nonce, wrapped = s[368:392], s[392:456]
    inner = xchacha20_poly1305_open(layers[1][1]["wrap_key"], nonce, x, wrapped[:48], wrapped[48:])
    secret = xchacha20_poly1305_open(layers[2][1]["wrap_key"], nonce, x, inner[:32], inner[32:])
    check("volume secret", secret.hex(), keys["volume_secret"])
    prk = extract(salt, secret)
    volume = {}
    for name in ("log", "node", "root", "pool", "super", "anchor", "nonce"):
        volume[name] = expand(prk, b"twofold/1/" + name.encode() + b"\0" + disk)
        check(f"{name} key", volume[name].hex(), keys["volume_keys"][name])
    return disk, keyset, pool, {i: (s_, d["data_key"]) for i, (s_, d) in layers.items()}, volume


def check_anchor(directory, s, volume):
    """The record outside the image: what the superblock `s` and the static sector say, and its name."""
    a, fixed = sector(directory, "anchor")[:592], sector(directory, "static")
    check("anchor", a[:16], b"TFANCHOR" + struct.pack("<II", 1, 1))
    check("anchor's disk", a[16:32], s[16:32])
    check("anchor's numbers", struct.unpack_from("<4Q", a, 32), (1, 3, 1, 1))
    check("anchor's salts, root and time", a[64:136], s[80:96] + bytes(16) + s[136:168] + s[216:224])
    record = fixed[256:456]
    check("anchor's keysets", a[136:560], struct.pack("<II", 1, 0) + record[4:8] + record[2:4]
          + bytes(2) + record[16:112] + bytes(3 * 104))
    name = fixed[40:56] + bytes([5]) + b"node0" + bytes([7]) + b"example"
    check("anchor's MAC", a[560:], blake2b(volume["anchor"], b"anchor", a[:560] + name, 32))


def walk(directory, disk, keyset, pool_slots, layers, volume):
    """From the superblock to the plaintext of block 5."""
    s = sector(directory, "superblock")
    check("superblock", s[:8], b"TFSB" + struct.pack("<I", 1))
    check("superblock's check value", s[480:512], blake2b(volume["super"], b"super", s[:480], 32))
    generation, = struct.unpack_from("<Q", s, 8)
    blocks, segments, counter, settled = struct.unpack_from("<4Q", s, 32)
    check("superblock's numbers", (generation, blocks, segments, counter, settled), (3, 256, 1, 1, 1))
    salt, log_start, chain = s[80:96], struct.unpack_from("<Q", s, 96)[0], s[104:136]
    check_anchor(directory, s, volume)

    table = sector(directory, "segments")[:32 * segments]
    check("root", s[136:168], blake2b(volume["root"], b"root",
                                      disk + struct.pack("<Q", segments) + table, 32))
    table = sector(directory, "pool")[:8 * pool_slots]
    check("pool table's MAC", s[168:200], blake2b(volume["pool"], b"pool",
                                                  disk + struct.pack("<Q", pool_slots) + table, 32))
    check("pool", struct.unpack("<4Q", table), (1, 2, 3, 9))

    def child(name, reference, level, index):
        page = sector(directory, name)
        packed, = struct.unpack_from("<Q", reference)
        check(f"{name}'s header", page[:40],
              b"TFND" + struct.pack("<BBHQQ", level, 1, 0, index, packed // 2) + disk)
        mac = blake2b(volume["node"], b"node", page[:40] + bytes(24) + page[64:], 24)
        check(f"{name}'s MAC", page[40:64], mac)
        check(f"{name}'s MAC in its parent", reference[8:], mac)
        return page[64:]
    block = 5
    node = child("node", sector(directory, "segments")[:32], 1, 0)
    leaf = child("leaf", node[:32], 0, 0)
    entry = leaf[64 * block:64 * block + 64]
    check("an untouched entry", leaf[64 * 4:64 * 5], struct.pack("<Q", pool_slots + 4) + bytes(56))
    slot, flags = int.from_bytes(entry[:6], "little"), int.from_bytes(entry[6:8], "little")
    check("entry", (slot, flags), (0, 1 | keyset << 2))

    page = sector(directory, "log")
    check("log page", page[:64], b"TFLG" + struct.pack("<HHQQQII", 1, 3, 1, 1, 0, 1, 1) + salt
          + struct.pack("<Q", counter))
    check("log page's MAC", page[64:96],
          blake2b(volume["log"], b"log", page[:64] + bytes(32) + page[96:], 32))
    check("log page's record", page[96:168], struct.pack("<Q", block) + entry)
    check("chain", (log_start, chain), (2, page[64:96]))
    plain = open_block(layers, disk, keyset, block, entry[8:32], sector(directory, "slot"),
                       entry[32:48], entry[48:64])
    check("plaintext", plain, PLAIN)


def open_seals(directory, disk, keys):
    salt = bytes.fromhex(keys["salt"])
    for case in json.loads((directory / "seals.json").read_text()):
        suites = {i: case[f"suite{i}"] for i in (1, 2) if case[f"suite{i}"]}
        x = disk + struct.pack("<IBBB", case["keyset"], sum(suites), case["suite1"], case["suite2"])
        layers = {i: (suite, derive_layer(bytes.fromhex(keys[f"layer{i}"]["dek"]), salt, i, x, disk,
                                          suite)["data_key"]) for i, suite in suites.items()}
        plain = open_block(layers, disk, case["keyset"], case["block"],
                           *(bytes.fromhex(case[n]) for n in ("nonce", "slot", "tag1", "tag2")))
        check(f"plaintext under suites {suites}", plain, PLAIN)


def main():
    directory = pathlib.Path(sys.argv[1])
    keys = json.loads((directory / "keys.json").read_text())
    disk, keyset, pool, layers, volume = read_header(directory, keys)
    walk(directory, disk, keyset, pool, layers, volume)
    open_seals(directory, disk, keys)
    print(f"{checks} checks passed")


if __name__ == "__main__":
    main()
