"""The 31 provinces, municipalities and autonomous regions of mainland China.

Codes are the first two digits of GB/T 2260; places are those of the capitals, in degrees (WGS 84).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A province. code: two digits of GB/T 2260. lat, lon: its capital, degrees."""

    code: int
    zh: str
    en: str
    capital: str
    lat: float
    lon: float


_TABLE = (
    (11, "北京", "Beijing", "Beijing", 39.904, 116.407),
    (12, "天津", "Tianjin", "Tianjin", 39.125, 117.190),
    (13, "河北", "Hebei", "Shijiazhuang", 38.042, 114.515),
    (14, "山西", "Shanxi", "Taiyuan", 37.871, 112.551),
    (15, "内蒙古", "Inner Mongolia", "Hohhot", 40.842, 111.749),
    (21, "辽宁", "Liaoning", "Shenyang", 41.806, 123.431),
    (22, "吉林", "Jilin", "Changchun", 43.817, 125.324),
    (23, "黑龙江", "Heilongjiang", "Harbin", 45.804, 126.535),
    (31, "上海", "Shanghai", "Shanghai", 31.230, 121.474),
    (32, "江苏", "Jiangsu", "Nanjing", 32.060, 118.797),
    (33, "浙江", "Zhejiang", "Hangzhou", 30.274, 120.155),
    (34, "安徽", "Anhui", "Hefei", 31.821, 117.227),
    (35, "福建", "Fujian", "Fuzhou", 26.075, 119.297),
    (36, "江西", "Jiangxi", "Nanchang", 28.683, 115.858),
    (37, "山东", "Shandong", "Jinan", 36.651, 117.120),
    (41, "河南", "Henan", "Zhengzhou", 34.747, 113.625),
    (42, "湖北", "Hubei", "Wuhan", 30.593, 114.305),
    (43, "湖南", "Hunan", "Changsha", 28.228, 112.939),
    (44, "广东", "Guangdong", "Guangzhou", 23.129, 113.264),
    (45, "广西", "Guangxi", "Nanning", 22.817, 108.367),
    (46, "海南", "Hainan", "Haikou", 20.044, 110.199),
    (50, "重庆", "Chongqing", "Chongqing", 29.563, 106.551),
    (51, "四川", "Sichuan", "Chengdu", 30.573, 104.067),
    (52, "贵州", "Guizhou", "Guiyang", 26.647, 106.630),
    (53, "云南", "Yunnan", "Kunming", 25.039, 102.718),
    (54, "西藏", "Tibet", "Lhasa", 29.650, 91.117),
    (61, "陕西", "Shaanxi", "Xi'an", 34.342, 108.940),
    (62, "甘肃", "Gansu", "Lanzhou", 36.061, 103.834),
    (63, "青海", "Qinghai", "Xining", 36.617, 101.778),
    (64, "宁夏", "Ningxia", "Yinchuan", 38.487, 106.231),
    (65, "新疆", "Xinjiang", "Ürümqi", 43.826, 87.617),
)

REGIONS: Mapping[int, Region] = {row[0]: Region(*row) for row in _TABLE}
COUNTRIES: Mapping[str, frozenset[int]] = {"CN": frozenset(REGIONS)}
"""The regions of each country that has any here, by its code of ISO 3166-1."""


def within(code: int) -> Iterator[int]:
    """The codes of what a place lies in, the nearest first. code: two digits of GB/T 2260, four of
    a city or six of a county."""
    while code > 99:
        code //= 100
        yield code


def region_of(code: int) -> int:
    """The region of a city or county, or of itself. code: as in `within`."""
    return next((above for above in within(code) if above < 100), code)


def depth_of(code: int) -> int:
    """0 for a region, 1 for a city, 2 for a county. code: as in `within`."""
    return sum(1 for _ in within(code))


def union(codes: Collection[int]) -> list[int]:
    """The codes, ascending, without those of places that lie in another of them."""
    return sorted(code for code in set(codes) if not any(above in codes for above in within(code)))


def distance_km(a: Region, b: Region) -> float:
    """Great-circle distance between two capitals."""
    return great_circle_km(a.lat, a.lon, b.lat, b.lon)


def great_circle_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance of two places in degrees (haversine, Earth's radius 6,371 km)."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half = math.sin((phi_b - phi_a) / 2) ** 2
    half += math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def nearest(lat: float, lon: float) -> Region:
    """The region whose capital is nearest: near a border that may be the neighbour."""
    return min(REGIONS.values(), key=lambda r: great_circle_km(lat, lon, r.lat, r.lon))
