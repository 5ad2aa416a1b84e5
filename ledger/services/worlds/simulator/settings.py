"""Every rate of the simulator, in one place: docs/simulator.md says where each comes from."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Settings:
    """How a world is made. A Range is drawn from evenly unless said; days are decimals.

    scans: how many, about. span: length of the world. shuffled: the numbers in printed codes say
    nothing about packing. no_gps: every place comes from an IP address.
    """

    scans: int = 20_000
    span: float = 180.0
    shuffled: bool = False
    no_gps: bool = False

    # Goods
    case_size: int = 24
    cases_per_pallet: int = 40
    scan_rate: Range = (0.05, 0.20)  # share of a lot's items that anybody scans
    ship_day: Range = (-40.0, 90.0)
    territory: tuple[float, ...] = (0.35, 0.35, 0.30)  # P(one region, two, three)
    store_cases: tuple[int, int] = (2, 9)  # cases that go to one store, half open
    custody_known: float = 0.70
    transit: float = 5.0  # days to the store at the least
    transit_more: float = 16.0  # mean of the rest
    shelf: float = 28.0  # mean days on the shelf

    # Honest life
    other_city: float = 0.2  # bought in another city of the territory than the store's
    carried: Range = (0.03, 0.15)  # share of a lot's goods that is carried out of its territory
    holidays: int = 2  # weeks ...
    holiday_factor: float = 3.0  # ... in which goods are carried out so much more
    gift: Range = (0.01, 0.09)  # share of the journeys that carry several items; drawn by lot
    gift_items: tuple[int, int] = (2, 9)  # half open
    gift_cases: float = 0.3  # a gift comes from two neighbouring cases
    gift_days: float = 5.0  # mean days until the items of a gift are opened
    gift_one_phone: float = 0.25  # one person scans the whole gift
    party: float = 0.1  # a gift is opened in company ...
    party_scanned: float = 0.5  # ... and so much of it is scanned
    repeat: float = 0.2  # scanned again by the same device ...
    repeat_hours: float = 3.0  # ... after so long, on average
    second: float = 1 / 12  # an item is scanned by a second device ...
    second_days: float = 4.0
    second_travels: float = 0.15  # ... in any city
    phones: float = 0.8  # people of a city, by scans made there
    heavy: float = 0.04  # share of scans by waiters and shop owners
    heavy_items: tuple[int, int] = (10, 40)  # a day, half open
    heavy_days: int = 20  # days on which one of them scans, on average
    displays: float = 40e-6  # display bottles a scan of the world
    display_phones: Range = (20.0, 100.0)
    display_days: Range = (10.0, 90.0)
    virals: float = 2.5e-6  # photos that go viral, a scan of the world
    viral_phones: Range = (50.0, 600.0)
    viral_days: float = 3.0
    typos: float = 0.001  # share of scans of a code that nobody issued

    # Places as stated
    sources: Range = (0.25, 0.51)  # P(source < gps, < ip_fixed); the rest is ip_mobile
    wrong_fixed: float = 0.04  # P(province wrong); sticks to a device for the day
    wrong_mobile: float = 0.18
    radius_km: tuple[float, float, float] = (0.1, 15.0, 160.0)  # gps, ip_fixed, ip_mobile
    wechat: float = 0.5
