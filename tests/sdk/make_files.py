"""Draws the files that the SDK tests upload into the folder named by the first argument."""
import pathlib
import random
import struct
import sys
import zlib


def png(width, height, colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(bytes(colour(x, y)) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "photo.png").write_bytes(png(120, 80, lambda x, y: (x * 2, y * 3, (x * y) % 256)))
(folder / "other.png").write_bytes(png(30, 40, lambda x, y: (255 - x, 40, y)))
(folder / "empty").write_bytes(b"")
(folder / "notes.txt").write_bytes(b"hello world\n")
(folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" + b"\0\0\0\x08free" + bytes(2000))
(folder / "large.bin").write_bytes(random.Random(1).randbytes(12 * 1024 * 1024 + 17))
