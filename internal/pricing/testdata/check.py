#!/usr/bin/env python3
"""Prices the cases of a JSON file and prints every figure, one object a case.

A second calculation, made from the port's rules and not from the Go code, that
TestASecondCalculationAgrees compares with the first to the last digit. It uses
nothing but the standard library.

    python3 check.py cases.json
"""

import json
import sys
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, getcontext

# So many digits that a quotient which ends is exact, and one that does not is
# never taken for half a cent.
getcontext().prec = 150

D = Decimal


def rounded(value, places):
    """Half up, away from zero."""
    return value.quantize(D(1).scaleb(-places), rounding=ROUND_HALF_UP)


def text(value, places=2):
    """A figure of so many places. There is no negative zero."""
    value = rounded(value, places)
    return format(value if value else abs(value), "f")


def ceiling(value):
    return value.to_integral_value(rounding=ROUND_CEILING)


class Refused(Exception):
    """The rules have no price; the argument is the code."""


# --- which price holds -------------------------------------------------------


def in_force(entry, day):
    """Dates are half-open; one that is missing leaves its side open."""
    begun = not entry["from"] or date.fromisoformat(entry["from"]) <= day
    return begun and (not entry["to"] or day < date.fromisoformat(entry["to"]))


def base_price(case):
    """The dated price, else the list, else the card: (source, id, price, currency, VAT)."""
    service, day = case["service"], date.fromisoformat(case["day"])
    if not service["active"]:
        raise Refused("HIZMET_INACTIVE")

    valid = [o for o in case["overrides"] if o["active"] and in_force(o, day)]
    if valid:
        o = max(valid, key=lambda o: o["from"])
        return "OVERRIDE", o["id"], D(o["price"]), o["currency"], vat_of(o, service)

    tariff = case["list"]
    if tariff:
        if tariff["active"] and in_force(tariff, day):
            items = sorted(tariff["items"], key=lambda i: D(i["min"]))
            if items:
                quantity = D(case["inputs"]["quantity"])
                fitting = [i for i in items if D(i["min"]) <= quantity]
                if not fitting:
                    raise Refused("VALIDATION_ERROR")
                i = fitting[-1]  # whole quantity at the tier it falls in
                return "PRICE_LIST", i["id"], D(i["price"]), tariff["currency"], vat_of(i, service)
        elif tariff["chosen"]:
            raise Refused("TARIFE_INACTIVE")

    if service["price"] is None:
        raise Refused("HIZMET_INVALID_PRICE")
    return "SERVICE", service["id"], D(service["price"]), service["currency"], D(service["vat"])


def vat_of(entry, service):
    """0 is a rate; only a missing one is that of the service."""
    return D(service["vat"] if entry["vat"] is None else entry["vat"])


# --- the six formulas --------------------------------------------------------


def measure(name, params, inputs):
    if name == "WEIGHT":  # stored in kilograms
        kilograms = D(inputs["weightKg"])
        return kilograms if params["weight_unit"] == "kg" else kilograms / 1000
    known = {"QUANTITY": "quantity", "MINUTES": "minutes", "DAYS": "days", "PERSONS": "persons"}
    return D(inputs[known.get(name, "measure")])


def formula(kind, price, params, inputs):
    """The exact price as (numerator, denominator), so that division comes last."""
    if kind == "FIXED":
        return price, D(1)
    if kind == "PER_UNIT":
        return price * D(inputs["quantity"]), D(1)
    if kind == "X_SECONDARY":
        first, second = measure(params["primary"], params, inputs), measure(params["secondary"], params, inputs)
        if params["secondary_round_up"]:
            second = ceiling(second)
        return price * first * second, D(1)
    if kind == "PER_BLOCK":
        tons, base = D(inputs["weightKg"]) / 1000, D(params["base_weight_ton"])
        times = max(D(1), ceiling(D(inputs["minutes"]) / D(params["base_time_min"])))
        if params["weight_rounding"] == "CEIL":
            return price * max(D(1), ceiling(tons / base)) * times, D(1)
        return (price * tons * times, base) if tons > base else (price * times, D(1))
    if kind == "BASE_PLUS_INCREMENT":
        return price + measure(params["measure"], params, inputs) * D(params["rate"]), D(1)
    if kind == "VEHICLE_4H_RULE":
        minutes, base = D(inputs["minutes"]), D(params["base_minutes"])
        over = max(D(0), minutes - base)
        return price * base + over * price, base
    raise Refused("PRICE_INVALID_FORMULA")


# --- a line ------------------------------------------------------------------


def line(case):
    source, identity, price, currency, vat = base_price(case)
    top, bottom = formula(case["type"], price, case["params"], case["inputs"])
    figures = {"source": source, "id": str(identity), "price": text(price, 4), "exact": text(top / bottom, 10)}

    target = case["currency"] or currency
    if target != currency:
        # By way of TRY; the foreign amount is not rounded on the way.
        rates = {**{c: D(v) for c, v in case["rates"].items()}, "TRY": D(1)}
        figures["rate"] = text(rates[currency] / rates[target], 6)
        top, bottom = top * rates[currency], bottom * rates[target]

    if case["vatRate"] is not None:
        vat = D(case["vatRate"])
    if case["exemption"] not in ("", "NONE"):
        vat = D(0)
    net = rounded(top / bottom, 2)
    tax = rounded(net * vat / 100, 2)
    figures.update(net=text(net), vat=text(tax), gross=text(net + tax), vatRate=text(vat), currency=target)
    return figures


# --- a document --------------------------------------------------------------


def flags(case):
    """Night, weekend, urgent: by the clock of Istanbul, which is three hours ahead."""
    if case["choice"] is not None:
        return case["choice"]
    found = {"night": False, "weekend": False, "urgent": case["urgent"]}
    if case["start"]:
        local = datetime.strptime(case["start"], "%Y-%m-%dT%H:%M:%SZ") + timedelta(hours=3)
        minute, begin, end = local.hour * 60 + local.minute, case["nightStart"], case["nightEnd"]
        if begin > end:
            found["night"] = minute >= begin or minute < end
        else:
            found["night"] = begin <= minute < end
        found["weekend"] = local.weekday() >= 5 or local.date().isoformat() in case["holidays"]
    return found


def document(case):
    rates = sorted({D(l["vatRate"]) for l in case["lines"]})
    nets = {r: sum(D(l["net"]) for l in case["lines"] if D(l["vatRate"]) == r) for r in rates}
    now = dict(nets)  # net of each rate so far
    vats = {r: sum(D(l["vat"]) for l in case["lines"] if D(l["vatRate"]) == r) for r in rates}
    lines = sum(nets.values(), D(0))
    figures = {"lines": text(lines)}
    rows = 0

    def spread(kind, percent, amount, bases):
        """In proportion to the bases; the last rate that has one takes the rest."""
        nonlocal rows
        with_base = [r for r in rates if bases[r]]
        whole, given = sum(bases.values(), D(0)), D(0)
        for r in with_base:
            part = amount - given if r == with_base[-1] else rounded(amount * bases[r] / whole, 2)
            given += part
            tax = rounded(part * r / 100, 2)
            figures[f"row {rows}"] = f"{kind} {text(percent)}% of {text(bases[r])} at {text(r)}: {text(part)} + {text(tax)}"
            now[r], vats[r], rows = now[r] + part, vats[r] + tax, rows + 1

    multiplicative = case["mode"] == "MULTIPLICATIVE"
    factor, total = D(1), lines
    chosen = flags(case)
    for flag, kind in (("night", "SURCHARGE_NIGHT"), ("weekend", "SURCHARGE_WEEKEND"), ("urgent", "SURCHARGE_URGENT")):
        percent = D(case[flag + "Percent"])
        if not (case["allowed"] and chosen[flag] and percent):
            continue
        factor = factor * (1 + percent / 100) if multiplicative else factor + percent / 100
        before, total = total, rounded(lines * factor, 2)  # the multiplier is rounded once
        spread(kind, percent, total - before, dict(now) if multiplicative else nets)
    discount = D(case["cabotagePercent"])
    if case["cabotage"] and discount:
        spread("CABOTAGE", -discount, -rounded(total * discount / 100, 2), dict(now))

    for n, r in enumerate(rates):
        figures[f"group {n}"] = f"{text(r)}: {text(now[r])} + {text(vats[r])} = {text(now[r] + vats[r])}"
    net, vat = sum(now.values(), D(0)), sum(vats.values(), D(0))
    figures.update(rows=str(rows), net=text(net), vat=text(vat), gross=text(net + vat))
    return figures


# --- the gate ----------------------------------------------------------------


def minutes_between(case):
    begin, end = (datetime.strptime(case[k], "%Y-%m-%dT%H:%M:%SZ") for k in ("from", "to"))
    return D(int((end - begin).total_seconds()) // 60)


def overtime(case):
    hours = rounded((minutes_between(case) - 60 * D(case["threshold"])) / 60, 2)
    if hours <= 0:
        return {"hours": "none"}
    net = rounded(hours * D(case["hourly"]), 2)
    vat = rounded(net * D(case["vatRate"]) / 100, 2)
    return {"hours": text(hours), "net": text(net), "vat": text(vat), "gross": text(net + vat)}


def stay(case):
    minutes, base = minutes_between(case), D(case["base"])
    top, bottom = formula("VEHICLE_4H_RULE", D(case["price"]), {"base_minutes": base}, {"minutes": minutes})
    return {"minutes": text(minutes, 0), "overrun": text(max(D(0), minutes - base), 0),
            "exact": text(top / bottom, 10), "shown": text(top / bottom)}


def main():
    kinds = {"line": line, "document": document, "overtime": overtime, "stay": stay}
    answers = []
    with open(sys.argv[1], encoding="utf-8") as file:
        for case in json.load(file):
            try:
                answers.append(kinds[case["kind"]](case))
            except Refused as refusal:
                answers.append({"refused": str(refusal)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
