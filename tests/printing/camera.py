"""A printed QR code as a phone's camera sees it: damaged, turned, blurred, noisy; and a reader.

Units: modules, if nothing else is said; shares are of the symbol's area without its quiet zone.
Everything is drawn from the generator that comes in, so one seed gives one set of pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ledger.domain.print_uses import Level
from ledger.services.press.qr import modules

Modules = NDArray[np.bool_]
Generator = np.random.Generator
Damage = Callable[[Modules, Generator], Modules]

QUIET = 4
FINE = 8  # pixels a module before the camera looks
DARK, LIGHT = 40, 215  # grey levels of ink and paper
SYMBOLS = 64  # different links a level; their damage, turn and noise differ every time
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FWHM = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum of a Gaussian of σ = 1
READERS = (zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram)


@dataclass(frozen=True)
class Camera:
    """px: camera pixels a module. blur: full width at half maximum. noise: σ of each pixel,
    as a share of the contrast."""

    px: float = 10.0
    blur: float = 0.5
    noise: float = 0.15


def link(n: int) -> str:
    """Return the n-th printed link: 61 characters, capitals, a host of 11."""
    drawn = np.random.default_rng(n).integers(0, 32, 20)
    return "HTTPS://ID.EXAMPLE1/01/09506000134352/21/" + "".join(ALPHABET[i] for i in drawn)


@lru_cache(maxsize=512)
def symbol(n: int, level: Level) -> Modules:
    """Return the modules of the n-th link."""
    return np.array(modules(link(n), level), dtype=np.bool_)


def finders(side: int) -> Modules:
    """Return where the three finder patterns lie, with their separators."""
    found = np.zeros((side, side), np.bool_)
    found[:8, :8] = found[:8, -8:] = found[-8:, :8] = True
    return found


def unharmed(symbol: Modules, _: Generator) -> Modules:
    """Return a symbol as it was printed."""
    return symbol


def scattered(share: float, *, spare: bool) -> Damage:
    """Each module is of the wrong colour with this probability; spare: none of the finders'."""

    def damage(symbol: Modules, chance: Generator) -> Modules:
        hit = chance.random(symbol.shape) < share
        return symbol ^ (hit & ~finders(len(symbol)) if spare else hit)

    return damage


def stained(share: float, *, spare: bool) -> Damage:
    """Each module is ink or paper by chance, whatever it was, with this probability; spare: none of
    the finders'. So half of the stained modules are wrong, as under a patch.
    """

    def damage(symbol: Modules, chance: Generator) -> Modules:
        hit = chance.random(symbol.shape) < share
        hit &= ~(finders(len(symbol)) & spare)
        return np.where(hit, chance.random(symbol.shape) < 0.5, symbol)

    return damage


def patched(share: float, *, spare: bool) -> Damage:
    """One rectangle (sides up to 2 : 1), all ink or all paper; spare: clear of the finders."""

    def damage(symbol: Modules, chance: Generator) -> Modules:
        side = len(symbol)
        while True:
            width = round(math.sqrt(share * side**2 * 2.0 ** chance.uniform(-1, 1)))
            height = int(share * side**2 / width)
            x, y = (int(chance.integers(0, side - length + 1)) for length in (width, height))
            place = slice(y, y + height), slice(x, x + width)
            if not (spare and finders(side)[place].any()):
                break
        harmed = symbol.copy()
        harmed[place] = chance.random() < 0.5
        return harmed

    return damage


def specks(share: float) -> Damage:
    """Each quarter of a module is of the wrong colour with this probability."""

    def damage(symbol: Modules, chance: Generator) -> Modules:
        quarters = symbol.repeat(2, 0).repeat(2, 1)
        return quarters ^ (chance.random(quarters.shape) < share)

    return damage


def picture(symbol: Modules, camera: Camera, chance: Generator) -> NDArray[np.uint8]:
    """Return what the camera sees of a symbol with its quiet zone, turned by any angle.

    symbol: one cell a module, or two by two.
    """
    cells = 1 if len(symbol) % 2 else 2  # a symbol has an odd number of modules a side
    quiet = QUIET * cells
    side = len(symbol) // cells + 2 * QUIET
    flat = np.full((side * cells, side * cells), LIGHT, np.uint8)
    flat[quiet:-quiet, quiet:-quiet][symbol] = DARK
    fine = Image.fromarray(flat).resize((side * FINE, side * FINE), Image.Resampling.NEAREST)
    pixel = 1 / math.sqrt(12) / camera.px if camera.px < FINE else 0.0  # what one pixel averages
    sigma = math.hypot(camera.blur / FWHM, pixel)
    blurred = fine.filter(ImageFilter.GaussianBlur(sigma * FINE)) if sigma else fine
    angle, scale = chance.uniform(0, 2 * math.pi), FINE / camera.px
    size = math.ceil(side * camera.px * math.sqrt(2)) + 2
    x, y = size / 2 + chance.uniform(-0.5, 0.5, 2)
    cos, sin, middle = math.cos(angle) * scale, math.sin(angle) * scale, side * FINE / 2
    turn = (cos, -sin, middle - cos * x + sin * y, sin, cos, middle - sin * x - cos * y)
    bilinear = Image.Resampling.BILINEAR
    seen = blurred.transform((size, size), Image.Transform.AFFINE, turn, bilinear, fillcolor=LIGHT)
    noise = chance.standard_normal((size, size), np.float32) * (camera.noise * (LIGHT - DARK))
    return np.clip(np.asarray(seen, np.float32) + noise, 0, 255).astype(np.uint8)


def decodes(image: NDArray[np.uint8], expected: str) -> bool:
    """Say whether zxing reads the link, by either of its ways from grey to black and white."""
    code = zxingcpp.BarcodeFormat.QRCode
    return any(
        found.text == expected
        for way in READERS
        for found in zxingcpp.read_barcodes(image, code, binarizer=way, try_invert=False)
    )


def read(level: Level, damage: Damage, camera: Camera, renders: int, seed: int) -> int:
    """Return how many of so many pictures zxing reads."""
    chance = np.random.default_rng(seed)
    found = 0
    for n in range(renders):
        harmed = damage(symbol(n % SYMBOLS, level), chance)
        found += decodes(picture(harmed, camera, chance), link(n % SYMBOLS))
    return found
