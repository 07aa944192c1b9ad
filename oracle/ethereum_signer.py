"""Who has signed a digest for Ethereum: ECDSA recovery over secp256k1 (SEC 1, 4.1.6), Keccak-256, addresses.

Written for reading, not for speed, and for public values alone: nothing here takes the same time for every input.
"""

from __future__ import annotations

from strict import require

_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None  # None is the neutral element
_LANES = 1600 // 64
_RATE = 136
_WORD = 2**64 - 1


def signer_of(digest: bytes, signature: bytes) -> bytes:
    """Return the address (20 bytes) whose key has signed a digest of 32 bytes.

    Raises:
        Refused: not r, s and v (27 or 28), s in the upper half, or no key can have made it.
    """
    require(len(digest) == 32, "a digest has 32 bytes")
    require(len(signature) == 65 and signature[64] in (27, 28), "not a signature of 65 bytes")
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    require(0 < r < _N and 0 < s <= _N // 2, "r or s is out of range")
    square = (pow(r, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    require(y * y % _P == square, "r is on no point of the curve")
    if y % 2 != signature[64] - 27:
        y = _P - y
    inverse = pow(r, -1, _N)
    e = int.from_bytes(digest, "big")
    key = _add(_times(-e * inverse % _N, _G), _times(s * inverse % _N, (r, y)))
    require(key is not None, "it recovers to no key")
    x, y = key or (0, 0)
    return keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if one == other:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _times(number: int, point: Point) -> Point:
    result: Point = None
    while number:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    return result


def keccak(data: bytes) -> bytes:
    """Return Keccak-256 as Ethereum has it: the padding is 0x01, not the 0x06 of SHA-3."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % _RATE))
    padded[-1] |= 0x80
    lanes = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        for at in range(_RATE // 8):
            word = padded[start + 8 * at : start + 8 * at + 8]
            lanes[at] ^= int.from_bytes(word, "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permute(lanes: list[int]) -> None:
    """Apply Keccak-f[1600] (FIPS 202, 3.3); lane x, y lies at x + 5y."""
    register = 1
    for _ in range(24):
        columns = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        for x in range(5):
            mixed = columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1)
            for y in range(5):
                lanes[x + 5 * y] ^= mixed
        x, y, current = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            turned = _rotated(current, (step + 1) * (step + 2) // 2 % 64)
            current, lanes[x + 5 * y] = lanes[x + 5 * y], turned
        for row in range(0, _LANES, 5):
            kept = lanes[row : row + 5]
            for x in range(5):
                lanes[row + x] = kept[x] ^ (~kept[(x + 1) % 5] & _WORD & kept[(x + 2) % 5])
        for bit in range(7):
            if register & 1:
                lanes[0] ^= 1 << (2**bit - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)


def _rotated(lane: int, bits: int) -> int:
    return (lane << bits | lane >> (64 - bits)) & _WORD
