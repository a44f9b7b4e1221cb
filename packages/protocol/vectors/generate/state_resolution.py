"""Writes `state-resolution.json`: rooms as lists of events, and what they resolve to, worked out by hand from the algorithms.

An event stands on `prev`. Its auth events are selected from the state before it, unless `auth` names them. Times grow with the list
unless `ts` is given. `at` are the extremities whose states are resolved; `states` instead gives states outright, as a server can be told
of them. `expected` gives, per algorithm, the event that holds a slot, or null. Users of version 12 rooms have no level for the creator.

    python3 state_resolution.py
"""

import hashlib
import json
import pathlib

OUT = pathlib.Path(__file__).resolve().parent.parent
A, B, C, D, E = "@alice:a.test", "@bob:b.test", "@carol:c.test", "@dave:d.test", "@eve:e.test"
CASES = []
TOPIC, NAME, PL, JR = "m.room.topic|", "m.room.name|", "m.room.power_levels|", "m.room.join_rules|"
BOB, CAROL, DAVE, ALICE, EVE = (f"m.room.member|{user}" for user in (B, C, D, A, E))


def state(label, sender, kind, content, prev, key="", **more):
    return {"id": label, "sender": sender, "type": kind, "key": key, "content": content, "prev": prev, **more}


def member(label, sender, target, membership, prev, **more):
    content = {"membership": membership} | more.pop("content", {})
    return state(label, sender, "m.room.member", content, prev, target, **more)


def levels(label, sender, users, prev, content=None, **more):
    return state(label, sender, "m.room.power_levels", {"users": {A: 100} | users} | (content or {}), prev, **more)


def rule(label, sender, join_rule, prev, **more):
    return state(label, sender, "m.room.join_rules", {"join_rule": join_rule}, prev, **more)


def topic(label, sender, prev, **more):
    return state(label, sender, "m.room.topic", {"topic": label}, prev, **more)


def name(label, sender, prev, **more):
    return state(label, sender, "m.room.name", {"name": label}, prev, **more)


def message(label, sender, prev, **more):
    return {"id": label, "sender": sender, "type": "m.room.message", "content": {"body": label}, "prev": prev, **more}


BASE = [
    state("CREATE", A, "m.room.create", {}, []),
    member("IMA", A, A, "join", ["CREATE"]),
    levels("IPOWER", A, {}, ["IMA"]),
    rule("IJR", A, "public", ["IPOWER"]),
    member("IMB", B, B, "join", ["IJR"]),
    member("IMC", C, C, "join", ["IMB"]),
    message("START", A, ["IMC"]),
]
S = ["START"]
BY_HAND = "worked out by hand from the algorithm's text"
SUITES = "the shape is known by this name from public resolvers' suites; " + BY_HAND


def case(case_name, events, at, expected, source=BY_HAND, **more):
    CASES.append({"name": case_name, "source": source, "events": events, "at": at, "expected": expected, **more})


def both(slots):
    return {"v2": slots, "v2.1": slots}


def every(slots):
    return {"v1": slots, "v2": slots, "v2.1": slots}


# ----------------------------------------------------------------------------------------- known from public suites

case("ban versus power level", [levels("PA", A, {B: 50}, S), member("MA", A, A, "join", ["PA"]), member("MB", A, B, "ban", ["MA"]), levels("PB", B, {B: 50, C: 10}, ["PA"])], ["MB", "PB"], both({PL: "PA", ALICE: "MA", BOB: "MB"}) | {"v1": {PL: "PA", ALICE: "MA"}}, SUITES)
case("join-rule evasion", [rule("JR", A, "private", S), member("ME", D, D, "join", S)], ["JR", "ME"], both({JR: "JR", DAVE: None}) | {"v1": {JR: "JR", DAVE: "ME"}}, SUITES)
case("join-rule evasion, by one who is invited", [member("INV", A, D, "invite", S), rule("JR", A, "invite", ["INV"]), member("ME", D, D, "join", ["INV"])], ["JR", "ME"], every({JR: "JR", DAVE: "ME"}))
case("offtopic power level", [levels("PA", A, {B: 50}, S), levels("PB", B, {B: 50, C: 50}, ["PA"]), levels("PC", C, {B: 50, C: 50, D: 10}, ["PB"]), message("M", A, ["PA"])], ["PC", "M"], both({PL: "PC"}) | {"v1": {PL: "PA"}}, SUITES)
BASIC = [topic("T1", A, S), levels("PA1", A, {B: 50}, ["T1"]), topic("T2", A, ["PA1"]), levels("PA2", A, {B: 0}, ["T2"]), levels("PB", B, {B: 50, C: 10}, ["PA1"])]
case("topic basic", BASIC, ["PA2", "PB"], every({TOPIC: "T2", PL: "PA2"}), SUITES)
case("topic reset", [topic("T1", A, S), levels("PA", A, {B: 50}, ["T1"]), topic("T2", B, ["PA"]), member("MB", A, B, "ban", ["T2"]), message("M", A, ["T1"])], ["MB", "M"], every({TOPIC: "T1", PL: "PA", BOB: "MB"}), SUITES)
case("topic", BASIC + [topic("T3", B, ["PB"]), message("MZ1", A, ["PA2", "T3"]), topic("T4", A, ["MZ1"])], ["T4", "T3"], both({TOPIC: "T4", PL: "PA2"}), SUITES)
case("topic rolled back: its author was demoted at the same time", [topic("T1", A, S), levels("PA1", A, {B: 50}, ["T1"]), topic("T2", B, ["PA1"]), levels("PA2", A, {B: 0}, ["PA1"])], ["T2", "PA2"], every({TOPIC: "T1", PL: "PA2"}))
case("topic kept: its author was demoted afterwards", [topic("T1", A, S), levels("PA1", A, {B: 50}, ["T1"]), topic("T2", B, ["PA1"]), levels("PA2", A, {B: 0}, ["T2"]), message("M", A, ["T2"])], ["PA2", "M"], every({TOPIC: "T2", PL: "PA2"}))

# ----------------------------------------------------------------------------------------- who wins: power

case("demotion against promotion of another", [levels("P1", A, {B: 50}, S), levels("PA", A, {B: 0}, ["P1"]), levels("PB", B, {B: 50, C: 50}, ["P1"])], ["PA", "PB"], every({PL: "PA"}))
case("demotion against an earlier promotion of another", [levels("P1", A, {B: 50}, S), levels("PB", B, {B: 50, C: 50}, ["P1"], ts=20), levels("PA", A, {B: 0}, ["P1"], ts=90)], ["PA", "PB"], every({PL: "PA"}))
case("demotion against a ban by the demoted", [levels("P1", A, {B: 50}, S), levels("PA", A, {B: 0}, ["P1"]), member("BAN", B, C, "ban", ["P1"])], ["PA", "BAN"], every({PL: "PA", CAROL: "IMC"}))
case("demotion against an earlier ban by the demoted", [levels("P1", A, {B: 50}, S), member("BAN", B, C, "ban", ["P1"], ts=20), levels("PA", A, {B: 0}, ["P1"], ts=90)], ["PA", "BAN"], every({PL: "PA", CAROL: "IMC"}))
case("kick against a topic of the kicked", [levels("P1", A, {B: 50}, S), topic("T0", A, ["P1"]), member("KICK", A, B, "leave", ["T0"]), topic("TB", B, ["T0"])], ["KICK", "TB"], every({BOB: "KICK", TOPIC: "T0"}))
case("kick against a first topic of the kicked", [levels("P1", A, {B: 50}, S), member("KICK", A, B, "leave", ["P1"]), topic("TB", B, ["P1"])], ["KICK", "TB"], both({BOB: "KICK", TOPIC: None}) | {"v1": {BOB: "KICK", TOPIC: "TB"}})
case("ban against a name of the banned that came before in time", [levels("P1", A, {B: 50}, S), name("N0", A, ["P1"]), name("NB", B, ["N0"], ts=20), member("BAN", A, B, "ban", ["N0"], ts=90)], ["BAN", "NB"], every({BOB: "BAN", NAME: "N0"}))
case("ban against a join of the banned", [member("BAN", A, D, "ban", S), member("ME", D, D, "join", S)], ["BAN", "ME"], every({DAVE: "BAN"}) | {})
case("ban and unban on one side, nothing on the other", [member("BAN", A, B, "ban", S), member("UNBAN", A, B, "leave", ["BAN"]), message("M", B, S)], ["UNBAN", "M"], both({BOB: "UNBAN"}))
case("ban on one side, a new profile on the other", [member("BAN", A, B, "ban", S), member("MB", B, B, "join", S, content={"displayname": "b"})], ["BAN", "MB"], every({BOB: "BAN"}))
case("a banned user's own leave on another branch", [member("BAN", A, B, "ban", S), member("LEAVE", B, B, "leave", S)], ["BAN", "LEAVE"], both({BOB: "BAN"}))
case("a rule against a ban: both stand", [rule("JR", A, "invite", S), member("BAN", A, B, "ban", S)], ["JR", "BAN"], every({JR: "JR", BOB: "BAN"}))
case("a rule by one who is demoted at the same time", [levels("P1", A, {B: 50}, S), rule("JR", B, "invite", ["P1"]), levels("PA", A, {B: 0}, ["P1"])], ["JR", "PA"], every({JR: "IJR", PL: "PA"}))
case("two rules at the same time: the later one", [rule("J1", A, "invite", S, ts=50), rule("J2", A, "private", S, ts=51)], ["J1", "J2"], both({JR: "J2"}))
case("two rules in the same millisecond: the greater id", [rule("JX", A, "invite", S, ts=50), rule("JY", A, "private", S, ts=50)], ["JX", "JY"], both({JR: "JY"}))
case("two rules: that of greater power goes first, the other wins", [levels("P1", A, {B: 50}, S), rule("JA", A, "private", ["P1"], ts=90), rule("JB", B, "invite", ["P1"], ts=20)], ["JA", "JB"], both({JR: "JB"}))
case("two power levels at the same time: the later one", [levels("P1", A, {B: 50}, S, ts=50), levels("P2", A, {C: 50}, S, ts=51)], ["P1", "P2"], both({PL: "P2"}))
case("two power levels in the same millisecond: the greater id", [levels("PX", A, {B: 50}, S, ts=50), levels("PY", A, {C: 50}, S, ts=50)], ["PX", "PY"], both({PL: "PY"}))
case("a longer chain of power levels against a later single one", [levels("P1", A, {B: 10}, S, ts=50), levels("P2", A, {B: 20}, ["P1"], ts=51), levels("P3", A, {B: 30}, ["P2"], ts=52), levels("PX", A, {C: 30}, S, ts=90)], ["P3", "PX"], both({PL: "PX"}))
case("a single power level against a later chain", [levels("PX", A, {C: 30}, S, ts=30), levels("P1", A, {B: 10}, S, ts=50), levels("P2", A, {B: 20}, ["P1"], ts=51)], ["P2", "PX"], both({PL: "P2"}))
case("self-promotion by old power levels does not come back", [levels("P1", A, {B: 50}, S), levels("P2", A, {B: 0}, ["P1"]), levels("PB", B, {B: 50, C: 50}, ["P1"]), topic("TB", B, ["PB"]), topic("TA", A, ["P2"])], ["TA", "TB"], every({PL: "P2", TOPIC: "TA"}))
case("admin leaves while another branch goes on by their power levels", [levels("P1", A, {B: 50}, S), topic("TB", B, ["P1"]), member("LEAVE", A, A, "leave", ["P1"])], ["TB", "LEAVE"], every({PL: "P1", TOPIC: "TB", ALICE: "LEAVE"}))

# ----------------------------------------------------------------------------------------- who wins: other events

case("two topics: the later one", [topic("T1", A, S, ts=50), topic("T2", A, S, ts=51)], ["T1", "T2"], both({TOPIC: "T2"}))
case("two topics: the later one, whatever the depth claims", [topic("T1", A, S, ts=51, depth=8), topic("T2", A, S, ts=50, depth=1000)], ["T1", "T2"], both({TOPIC: "T1"}) | {"v1": {TOPIC: "T2"}})
case("two topics in the same millisecond: the greater id", [topic("TX", A, S, ts=50), topic("TY", A, S, ts=50)], ["TX", "TY"], both({TOPIC: "TY"}))
case("two topics: that of the newer power levels, whatever the time", [topic("TOLD", A, S, ts=99), levels("PA", A, {B: 50}, S, ts=40), topic("TNEW", A, ["PA"], ts=20)], ["TOLD", "TNEW"], both({TOPIC: "TNEW", PL: "PA"}))
case("three topics on three branches", [topic("T1", A, S, ts=52), topic("T2", A, S, ts=53), topic("T3", A, S, ts=51)], ["T1", "T2", "T3"], both({TOPIC: "T2"}))
case("topic and name do not meet", [topic("T1", A, S), name("N1", A, S)], ["T1", "N1"], every({TOPIC: "T1", NAME: "N1"}))
case("two join on two branches", [member("MD", D, D, "join", S), member("ME", E, E, "join", S)], ["MD", "ME"], every({DAVE: "MD", EVE: "ME"}))
case("two new profiles of one user: the later one", [member("M1", B, B, "join", S, ts=51, content={"displayname": "1"}), member("M2", B, B, "join", S, ts=50, content={"displayname": "2"})], ["M1", "M2"], both({BOB: "M1"}))
case("leave before a topic in time: the topic goes", [levels("P1", A, {B: 50}, S), topic("T0", A, ["P1"]), member("LEAVE", B, B, "leave", ["T0"], ts=50), topic("TB", B, ["T0"], ts=51)], ["LEAVE", "TB"], both({BOB: "LEAVE", TOPIC: "T0"}))
case("leave after a topic in time: the topic stays", [levels("P1", A, {B: 50}, S), topic("T0", A, ["P1"]), member("LEAVE", B, B, "leave", ["T0"], ts=51), topic("TB", B, ["T0"], ts=50)], ["LEAVE", "TB"], both({BOB: "LEAVE", TOPIC: "TB"}))
case("leave against a new profile: the later one, if it is allowed", [rule("JR", A, "invite", S), member("LEAVE", B, B, "leave", ["JR"], ts=50), member("MB", B, B, "join", ["JR"], ts=51, content={"displayname": "b"})], ["LEAVE", "MB"], both({BOB: "LEAVE"}))
case("leave against a new profile in a public room: the later one", [member("LEAVE", B, B, "leave", S, ts=50), member("MB", B, B, "join", S, ts=51, content={"displayname": "b"})], ["LEAVE", "MB"], both({BOB: "MB"}))
case("invite against a join: the join is later", [member("INV", A, D, "invite", S, ts=50), member("MD", D, D, "join", S, ts=51)], ["INV", "MD"], both({DAVE: "MD"}))
case("invite against a join: the invite is later and not allowed", [member("INV", A, D, "invite", S, ts=51), member("MD", D, D, "join", S, ts=50)], ["INV", "MD"], both({DAVE: "MD"}))
case("invite against a ban", [member("INV", A, D, "invite", S), member("BAN", A, D, "ban", S)], ["INV", "BAN"], both({DAVE: "BAN"}))
case("one branch without changes", [topic("T1", A, S), message("M", B, S)], ["T1", "M"], every({TOPIC: "T1"}))
case("a single extremity", [topic("T1", A, S), topic("T2", A, ["T1"])], ["T2"], every({TOPIC: "T2"}))
case("an extremity twice", [topic("T1", A, S)], ["T1", "T1"], every({TOPIC: "T1"}))
case("resolved before, and again", [topic("T1", A, S, ts=50), topic("T2", A, S, ts=51), message("M", A, ["T1", "T2"], ts=52), topic("T3", A, S, ts=49)], ["M", "T3"], both({TOPIC: "T2"}))
case("a merge, then a ban on one side of it", [levels("P1", A, {B: 50}, S), topic("T1", A, ["P1"]), message("M", A, ["T1", "P1"]), member("BAN", A, B, "ban", ["M"]), topic("TB", B, ["M"])], ["BAN", "TB"], every({BOB: "BAN", TOPIC: "T1"}))
case("a rejected event of one branch changes nothing", [topic("TB", B, S), topic("TA", A, S)], ["TB", "TA"], every({TOPIC: "TA"}))
case("what builds on a rejected event stands", [topic("TB", B, S), topic("TA", A, ["TB"]), message("M", A, S)], ["TA", "M"], every({TOPIC: "TA"}))
OWN = "org.example|" + B
case("state under a user's id against that user's ban", [state("OWN", B, "org.example", {}, S, B), member("BAN", A, B, "ban", S)], ["OWN", "BAN"], both({BOB: "BAN", OWN: None}), note="state_default 0", base_levels={"state_default": 0})
RESTRICTED = {"versions": ["8", "9", "10", "11", "12"]}
case("restricted: the one who let in was kicked at the same time", [levels("P1", A, {B: 50}, S), rule("JR", A, "restricted", ["P1"]), member("KICK", A, B, "leave", ["JR"]), member("MD", D, D, "join", ["JR"], content={"join_authorised_via_users_server": B})], ["KICK", "MD"], both({BOB: "KICK", DAVE: None}), **RESTRICTED)
case("restricted: the one who let in was kicked afterwards", [levels("P1", A, {B: 50}, S), rule("JR", A, "restricted", ["P1"]), member("MD", D, D, "join", ["JR"], content={"join_authorised_via_users_server": B}), member("KICK", A, B, "leave", ["MD"]), message("M", A, ["MD"])], ["KICK", "M"], both({BOB: "KICK", DAVE: "MD"}), **RESTRICTED)
case("knock while knocking is taken away", [rule("JR", A, "knock", S), member("KNOCK", D, D, "knock", ["JR"]), rule("JR2", A, "invite", ["JR"])], ["KNOCK", "JR2"], both({JR: "JR2", DAVE: None}), versions=["7", "8", "9", "10", "11", "12"])
case("knock, accepted on one branch", [rule("JR", A, "knock", S), member("KNOCK", D, D, "knock", ["JR"]), member("INV", A, D, "invite", ["KNOCK"]), message("M", A, ["KNOCK"])], ["INV", "M"], both({DAVE: "INV"}), versions=["7", "8", "9", "10", "11", "12"])

# ----------------------------------------------------------------------------------------- MSC4297


def told(case_name, events, states, expected, source):
    CASES.append({"name": case_name, "source": source, "events": events, "states": states, "expected": expected})


PROBLEM_A = [
    rule("JR2", A, "invite", S), member("LEAVE", A, A, "leave", ["JR2"]),
    member("MB2", B, B, "join", ["LEAVE"], content={"displayname": "b"}), member("MC2", C, C, "join", ["LEAVE"], content={"displayname": "c"}),
]  # fmt: skip
told("MSC4297, problem A", PROBLEM_A, [["CREATE", "IPOWER", "LEAVE", "JR2", "MB2", "IMC"], ["CREATE", "IPOWER", "LEAVE", "IJR", "IMB", "MC2"]], {"v2": {JR: None, ALICE: "LEAVE", BOB: "MB2", CAROL: "MC2"}, "v2.1": {JR: "JR2", ALICE: "LEAVE", BOB: "MB2", CAROL: "MC2"}}, "MSC4297, Problem A: the shape and the two outcomes")
PROBLEM_B = [
    levels("P2", A, {B: 50}, S), levels("P3", B, {B: 50, C: 50}, ["P2"]), member("ME", E, E, "join", ["P3"]),
    member("ME2", E, E, "join", ["ME"], content={"displayname": "e"}), member("MD", D, D, "join", ["P3"]),
]  # fmt: skip
told("MSC4297, problem B", PROBLEM_B, [["CREATE", "IMA", "IPOWER", "IJR", "IMB", "IMC", "ME2"], ["CREATE", "IMA", "P3", "IJR", "IMB", "IMC", "MD"]], {"v2": {PL: "IPOWER", EVE: "ME2", DAVE: "MD"}, "v2.1": {PL: "P3", EVE: "ME2", DAVE: "MD"}}, "MSC4297, Problem B: the shape and the two outcomes")
LONGER = [
    levels("P2", A, {B: 50}, S), levels("P3", B, {B: 50, C: 50}, ["P2"]), levels("P4", C, {B: 50, C: 50, D: 10}, ["P3"]),
    member("ME", E, E, "join", ["P4"]), member("MD", D, D, "join", ["P4"]),
]  # fmt: skip
told("MSC4297, problem B with a longer chain between", LONGER, [["CREATE", "IMA", "IPOWER", "IJR", "IMB", "IMC", "ME"], ["CREATE", "IMA", "P4", "IJR", "IMB", "IMC", "MD"]], {"v2": {PL: "IPOWER"}, "v2.1": {PL: "P4"}}, BY_HAND)
UNDONE = [levels("P1", A, {B: 50}, S), member("BAN", B, C, "ban", ["P1"]), levels("P2", A, {B: 0}, ["BAN"])]
told("a ban whose author was demoted later, against a state from before it", UNDONE, [["CREATE", "IMA", "P2", "IJR", "IMB", "BAN"], ["CREATE", "IMA", "P2", "IJR", "IMB", "IMC"]], {"v2": {PL: "P2", CAROL: "IMC"}, "v2.1": {PL: "P2", CAROL: "BAN"}}, BY_HAND)
UNTOPIC = [levels("P1", A, {B: 50}, S), topic("T1", B, ["P1"]), topic("T2", B, ["T1"]), levels("P2", A, {B: 0}, ["T2"])]
told("a topic whose author was demoted later is no power event: 2.1 takes the unconflicted levels in too late for it", UNTOPIC, [["CREATE", "IMA", "P2", "IJR", "IMB", "IMC", "T2"], ["CREATE", "IMA", "P2", "IJR", "IMB", "IMC", "T1"]], {"v2": {PL: "P2", TOPIC: None}, "v2.1": {PL: "P2", TOPIC: "T2"}}, BY_HAND)
GONE = [rule("JR2", A, "invite", S)]
told("a slot that one state lacks is conflicted", GONE, [["CREATE", "IMA", "IPOWER", "JR2", "IMB", "IMC"], ["CREATE", "IMA", "IPOWER", "IMB", "IMC"]], {"v1": {JR: "JR2"}, "v2": {JR: "JR2"}, "v2.1": {JR: "JR2"}}, BY_HAND)
told("one state is all there is", [topic("T1", B, S)], [["CREATE", "IMA", "IPOWER", "IJR", "T1"]], every({TOPIC: "T1"}), BY_HAND)

# ----------------------------------------------------------------------------------------- version 1


def v1_id(label):
    return f"${label}:a.test"


def by_sha1(*labels):
    return sorted(labels, key=lambda label: hashlib.sha1(v1_id(label).encode()).hexdigest())


V1 = "rooms/v1.md, State resolution; " + BY_HAND
case("version 1: of topics the deepest", [topic("T1", A, S), message("M", A, S), topic("T2", A, ["M"])], ["T1", "T2"], {"v1": {TOPIC: "T2"}}, V1)
case("version 1: the deepest, whatever the time", [topic("T1", A, S, ts=99), message("M", A, S), topic("T2", A, ["M"], ts=20)], ["T1", "T2"], {"v1": {TOPIC: "T2"}}, V1)
case("version 1: of topics of one depth the one with the lowest sha1", [topic(f"T{n}", A, S) for n in range(4)], [f"T{n}" for n in range(4)], {"v1": {TOPIC: by_sha1("T0", "T1", "T2", "T3")[0]}}, V1 + ", sha1 by Python's hashlib")
case("version 1: of power levels of one depth the one with the lowest sha1", [levels(f"P{n}", A, {B: n}, S) for n in range(4)], [f"P{n}" for n in range(4)], {"v1": {PL: by_sha1("P0", "P1", "P2", "P3")[0]}}, V1 + ", sha1 by Python's hashlib")
case("version 1: of rules of one depth the one with the lowest sha1", [rule(f"J{n}", A, r, S) for n, r in enumerate(["invite", "private", "public"])], ["J0", "J1", "J2"], {"v1": {JR: by_sha1("J0", "J1", "J2")[0]}}, V1 + ", sha1 by Python's hashlib")
case("version 1: the list of power levels ends where one is not allowed", [levels("P1", A, {B: 50}, S, depth=10), levels("PX", B, {B: 50, C: 10}, ["P1"], depth=21), levels("P2", A, {C: 5}, S, depth=20), levels("P3", A, {C: 7}, S, depth=22)], ["PX", "P2", "P3"], {"v1": {PL: "P2"}}, V1)
case("version 1: what only one state has is not conflicting", [member("MD", D, D, "join", S), rule("JR", A, "invite", S)], ["MD", "JR"], {"v1": {DAVE: "MD", JR: "JR"}}, V1)
case("version 1: a ban wins over the older join", [message("M", A, S), member("BAN", A, B, "ban", ["M"])], ["BAN", "M"], {"v1": {BOB: "BAN"}}, V1)
case("version 1: a join from deeper down wins over a ban it never saw", [member("BAN", A, B, "ban", S), message("M1", A, S), message("M2", A, ["M1"]), member("MB", B, B, "join", ["M2"], content={"displayname": "b"})], ["BAN", "MB"], {"v1": {BOB: "BAN"}}, V1)
case("version 1: a topic that nobody allows is gone", [levels("P1", A, {B: 50}, S), topic("TB", B, ["P1"]), topic("TB2", B, ["P1"]), levels("P2", A, {B: 0}, ["P1"]), message("M", A, ["P2", "TB"])], ["M", "TB2"], {"v1": {TOPIC: None, PL: "P2"}}, V1)

document = {
    "about": "Forks and what they resolve to, by algorithm: v1 (room version 1), v2 (2 to 11), v2.1 (12). `base` comes before the events of every case.",
    "base": BASE,
    "cases": CASES,
}
assert len({c["name"] for c in CASES}) == len(CASES)
(OUT / "state-resolution.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
print("state-resolution.json", len(CASES))
