#!/usr/bin/env python3
"""Works on files in a directory, each step made durable, until the file system fails under it.

    file_worker.py work DIR LEDGER [SEED]     appends, replaces, links, maps, allocates, punches ...
    file_worker.py verify DIR LEDGER          ... and what was durable is there, whole

LEDGER, on another file system, says what each file must hold: written when an operation fails, which
is when the daemon below was killed. Files of the operation that failed may be old, new or, where it
changed them in place, a mixture.
"""
import ctypes
import hashlib
import json
import mmap
import os
import random
import sys

FILES = 12
SIZE_MAX = 256 * 1024
PUNCH = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
libc = ctypes.CDLL(None, use_errno=True)


def digest(data):
    return None if data is None else hashlib.sha256(data).hexdigest()


class Worker:
    def __init__(self, directory, seed):
        self.directory = directory
        self.random = random.Random(seed)
        self.files = {}       # name -> bytes: what is durable
        self.in_flight = {}   # name -> what it may be besides: bytes, None (absent) or ... (anything)
        self.steps = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def sync_directory(self):
        fd = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def some_bytes(self, longest=65536):
        return self.random.randbytes(1 + self.random.randrange(longest))

    def append(self, name):
        old, more = self.files.get(name), self.some_bytes()
        if old is None or len(old) + len(more) > SIZE_MAX:
            return self.replace(name)
        self.in_flight = {name: ...}
        with open(self.path(name), "ab") as f:
            f.write(more)
            f.flush()
            os.fsync(f.fileno())
        self.files[name] = old + more

    def replace(self, name):
        new = self.some_bytes()
        self.in_flight = {name: new, name + ".new": ...}
        with open(self.path(name + ".new"), "wb") as f:
            f.write(new)
            f.flush()
            os.fsync(f.fileno())
        os.rename(self.path(name + ".new"), self.path(name))
        self.sync_directory()
        self.files[name] = new

    def change_in_place(self, name, change):
        if name not in self.files:
            return self.replace(name)
        data = bytearray(self.files[name])
        self.in_flight = {name: ...}
        fd = os.open(self.path(name), os.O_RDWR)
        try:
            change(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        self.files[name] = bytes(data)

    def overwrite(self, name):
        def change(fd, data):
            at, new = self.random.randrange(len(data)), self.some_bytes(8192)
            new = new[:len(data) - at]
            os.pwrite(fd, new, at)
            data[at:at + len(new)] = new
        self.change_in_place(name, change)

    def map(self, name):
        def change(fd, data):
            at, new = self.random.randrange(len(data)), self.some_bytes(8192)
            new = new[:len(data) - at]
            with mmap.mmap(fd, len(data)) as mapped:
                mapped[at:at + len(new)] = new
                mapped.flush()
            data[at:at + len(new)] = new
        self.change_in_place(name, change)

    def allocate(self, name):
        def change(fd, data):
            os.posix_fallocate(fd, 0, min(SIZE_MAX, len(data) + 10000))
            data.extend(bytes(max(0, min(SIZE_MAX, len(data) + 10000) - len(data))))
        self.change_in_place(name, change)

    def punch(self, name):
        def change(fd, data):
            at = self.random.randrange(len(data))
            length = min(1 + self.random.randrange(40000), len(data) - at)
            if libc.fallocate(fd, PUNCH, ctypes.c_long(at), ctypes.c_long(length)) != 0:
                raise OSError(ctypes.get_errno(), "punch")
            data[at:at + length] = bytes(length)
        self.change_in_place(name, change)

    def link(self, name):
        other = name + ".link"
        if name not in self.files or other in self.files:
            return self.unlink(other)
        self.in_flight = {other: self.files[name]}
        os.link(self.path(name), self.path(other))
        self.sync_directory()
        # A later change in place would change both: give the link a file of its own soon.
        self.files[other] = self.files[name]
        self.replace(name)

    def unlink(self, name):
        if name not in self.files:
            return self.replace(name)
        self.in_flight = {name: None}
        os.unlink(self.path(name))
        self.sync_directory()
        del self.files[name]

    def step(self):
        kinds = [self.append] * 4 + [self.replace, self.overwrite, self.map, self.allocate,
                                     self.punch, self.link, self.unlink]
        self.random.choice(kinds)("f%d" % self.random.randrange(FILES))
        self.in_flight = {}
        self.steps += 1

    def ledger(self):
        mark = lambda d: "any" if d is ... else digest(d)
        return {"steps": self.steps,
                "files": {n: digest(d) for n, d in self.files.items()},
                "in_flight": {n: mark(d) for n, d in self.in_flight.items()}}


def work(directory, ledger, seed):
    os.makedirs(directory)
    worker = Worker(directory, seed)
    worker.sync_directory()
    failure = None
    while failure is None:
        try:
            worker.step()
        except OSError as error:
            failure = error
    with open(ledger, "w") as f:
        json.dump(worker.ledger(), f)
    print("%d durable steps, %d files, then: %s" % (worker.steps, len(worker.files), failure))


def verify(directory, ledger):
    with open(ledger) as f:
        expected = json.load(f)
    found = {n: digest(open(os.path.join(directory, n), "rb").read()) for n in os.listdir(directory)}
    wrong = 0
    for name in sorted(set(expected["files"]) | set(found)):
        legal = [expected["files"].get(name)]
        if name in expected["in_flight"]:
            legal.append(expected["in_flight"][name])
        if found.get(name) not in legal and "any" not in legal:
            print("%s: %s, expected %s" % (name, found.get(name), " or ".join(map(str, legal))))
            wrong += 1
    print("%d files after %d durable steps, %d wrong" % (len(expected["files"]), expected["steps"], wrong))
    return wrong == 0 and expected["steps"] > 0


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    else:
        sys.exit(0 if verify(sys.argv[2], sys.argv[3]) else 1)
