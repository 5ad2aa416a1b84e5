"""Why an alert was raised, in one sentence and in the reader's language.

English is the sentence that was kept with the alert. Chinese says the same: composed from the
figures beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger.detect.account import SURE
from ledger.domain.regions import REGIONS
from ledger.services.alerting.alerts_evidence import COLUMNS, Document

LANGUAGES = ("en", "zh")
KINDS_ZH = {
    "ahead_of_receipt": "未签收先扫描",
    "clone": "复制码",
    "diversion": "窜货",
    "farm": "批量扫码",
    "guess": "猜码",
    "out_of_market": "超出销售市场",
    "recalled_selling": "召回后仍在销售",
    "skipped_hop": "跳过流转环节",
    "threshold": "阈值",
}
_RULE = "；此为阈值规则，未经校准"
_SET = "；此为人工设定的阈值，未经校准"


def title(told: Document, language: str) -> str:
    """Return what the alert of some evidence is called."""
    alert = told["alert"]
    if language == "zh":
        return f"预警 {alert['id']}：{KINDS_ZH[alert['kind']]}"
    return f"Alert {alert['id']}: {alert['kind'].replace('_', ' ')}"


def sentence(told: Document, language: str) -> str:
    """Return why it was raised."""
    if language == "zh":
        return _ZH[told["alert"]["kind"]](told)
    return str(told["alert"]["finding"]["sentence"])


def region_name(region: int | None, language: str) -> str:
    """Return what a province is called."""
    if region is None or region not in REGIONS:
        return "地区未知" if language == "zh" else "region unknown"
    return REGIONS[region].zh if language == "zh" else REGIONS[region].en


def _evidence(told: Document) -> Mapping[str, Any]:
    found: Mapping[str, Any] = told["alert"]["finding"]["evidence"]
    return found


def _devices(told: Document) -> int:
    at = COLUMNS.index("device")
    return len({row[at] for row in told["scans"]})


def place_name(told: Document, language: str) -> str:
    """Return what the place of an alert is called: its city or county, if it is of one."""
    district = told["alert"]["finding"].get("district")
    if district is not None:
        return str(district[language])
    return region_name(told["alert"]["region"], language)


def _place(told: Document) -> str:
    return place_name(told, "zh")


def _diversion(told: Document) -> str:
    of, finding = _evidence(told), told["alert"]["finding"]
    first, last = of["cases"][0], of["cases"][-1]
    where = _cases(first, last)
    if last - first + 1 != len(of["cases"]):
        where = f"分散混装的{len(of['cases'])}箱"
    elif len(of["pallets"]) == 1:
        pallets = of["pallets_of"]
        share = "其唯一的托盘" if pallets == 1 else f"其{pallets}个托盘之一"
        where = f"该收货方的第{of['pallets'][0] + 1}号托盘（{where}，{share}）"
    elsewhere = f"，这些箱中另有{of['elsewhere']}件在别处出现" if of["elsewhere"] else ""
    return (
        f"批次{told['alert']['lot']}在{_place(told)}（销售区域之外）被扫描的{of['scans_of']}件中，"
        f"{of['scans']}件来自{where}{elsewhere}；若货物随机流出，出现如此强的证据的概率"
        f"{_once(finding['e_value'])}；若确属窜货，{_from(of['leakers'][0])}"
    )


def _once(e_value: float) -> str:
    if e_value >= 1e9:
        return "不到十亿分之一"
    return f"至多为{int(float(f'{e_value:.2g}')):,}分之一"


def _cases(first: int, last: int) -> str:
    """Neighbouring cases, by their numbers from 1."""
    return f"第{first + 1}箱" if first == last else f"第{first + 1}至{last + 1}箱"


def _from(one: Mapping[str, Any]) -> str:
    who = {"consignee": "首个收货方", "store": "门店"}[one["level"]]
    sure = "超过99%" if one["probability"] >= SURE else f"{one['probability']:.0%}"
    return f"最可能流出自{who}{one['number']}（{sure}）"


def _clone(told: Document) -> str:
    of, finding = _evidence(told), told["alert"]["finding"]
    return (
        f"{of['scans_of']}台设备在{of['places']}个地点扫描了编码{told['alert']['code']}；以复制品解释这些扫描，"
        f"比任何正常情形约合理{int(finding['e_value']):,}倍"
    )


def _farm(told: Document) -> str:
    of = _evidence(told)
    return (
        f"批次{told['alert']['lot']}{_cases(of['cases'][0], of['cases'][-1])}的"
        f"{of['scans']}件商品被{_devices(told)}台设备扫描，其中多件在一小时内；在售商品不会如此"
    )


def _guess(told: Document) -> str:
    of, finding = _evidence(told), told["alert"]["finding"]
    members = finding.get("members", 1)
    if members > 1:
        return f"{members}台设备先后相隔不到一天，共{finding['tries']:,}次扫描了从未发行的编码"
    return f"一台设备扫描的{of['scans_of']}个编码中，有{of['scans']}个从未发行"


def _ahead(told: Document) -> str:
    of, alert = _evidence(told), told["alert"]
    return (
        f"{of['scans_of']}台设备扫描了批次{alert['lot']}（箱{of['case']}）中由{of['sender']}发往"
        f"{alert['consignee']}而尚未签收的商品{_RULE}"
    )


def _skipped(told: Document) -> str:
    alert = told["alert"]
    return (
        f"{_evidence(told)['scans_of']}台设备扫描了批次{alert['lot']}中仍由{alert['consignee']}持有的"
        f"商品，而该方不向消费者销售{_RULE}"
    )


def _outside(told: Document) -> str:
    of = _evidence(told)
    return (
        f"{of['scans_of']}台设备在{_place(told)}扫描了属于市场{of['market']}的批次"
        f"{told['alert']['lot']}的商品{_RULE}"
    )


def _recalled(told: Document) -> str:
    return (
        f"{_evidence(told)['scans_of']}台设备在{_place(told)}首次扫描了已召回批次"
        f"{told['alert']['lot']}的商品，距召回已逾{told['terms']['grace_days']:g}天{_RULE}"
    )


def _threshold(told: Document) -> str:
    of, terms = _evidence(told), told["terms"]
    days = f"{terms['days']:g}天内"
    said = {
        "scans": lambda: f"{days}同一编码被扫描{of['scans']}次，阈值为{terms['n']:g}次",
        "devices": lambda: f"{days}{of['scans_of']}台设备扫描了同一编码，阈值为{terms['n']:g}台",
        "radius": lambda: f"{days}同一编码在相距超过{terms['km']:g}公里的地点被扫描",
        "speed": lambda: (
            f"两台设备在相距超过{terms['km']:g}公里处扫描了同一编码，"
            f"速度超过每小时{terms['kmh']:g}公里"
        ),
    }
    return said[terms["test"]]() + _SET


_ZH: Mapping[str, Callable[[Document], str]] = {
    "diversion": _diversion,
    "clone": _clone,
    "farm": _farm,
    "guess": _guess,
    "ahead_of_receipt": _ahead,
    "skipped_hop": _skipped,
    "out_of_market": _outside,
    "recalled_selling": _recalled,
    "threshold": _threshold,
}
