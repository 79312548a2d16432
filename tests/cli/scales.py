"""A plugin whose numbers are checked: by ones that agree, differ, drift, fail or are not here."""

from __future__ import annotations

from harness import Crosscheck, Unavailable, hookimpl


@hookimpl
def harness_crosschecks():
    def check(name, canonical=2.0, second=2.0, **more):
        told = {"between": 1e-3, "pinned": canonical, "drift": 1e-6}
        return Crosscheck(
            name=name,
            canonical="scales:ours",
            second="scales:theirs",
            by=("ours", "theirs 1.0"),
            params={"canonical": canonical, "second": second},
            summary=f"the weight of a {name}",
            **(told | more),
        )

    return [
        check("apple", second=2.0005),
        check("pear", second=2.5, apart=0.5),
        check("plum", second=2.002),
        check("fig", pinned=2.1),
        check("nut", second=float("nan")),
        check("void", canonical=float("inf"), second=float("inf")),
        check("melon", requires=("oakwood",), extra="wood"),
        check("grape", check="scales:out_of_season"),
        check("egg", second="boom"),
    ]


def ours(canonical, second):
    print("ours is noisy")
    return canonical


def theirs(canonical, second):
    if second == "boom":
        raise AttributeError("no attribute 'norm'\nin version 5")
    return second


def out_of_season(**params):
    raise Unavailable("no grapes in winter", "wait")
