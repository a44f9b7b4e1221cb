"""Writes `auth-rules.json`: one line per case, read off the pages of the room versions by hand. Nothing is computed.

    python3 auth_rules.py
"""

import json
import pathlib

OUT = pathlib.Path(__file__).resolve().parent.parent
A, B, C, D = "@alice:a.test", "@bob:b.test", "@carol:c.test", "@dave:b.test"
CASES = []


def case(name, allowed, rules, room, event, **more):
    CASES.append({"name": name, "allowed": allowed, "rules": rules, "room": room, "event": event, **more})


def allow(name, rules, room, event, **more):
    case(name, True, rules, room, event, **more)


def reject(name, rules, room, event, **more):
    case(name, False, rules, room, event, **more)


# The number of a rule on the page of each group of versions. A group is left out where the case does not apply.
def only(rules, *groups):
    return {group: number for group, number in rules.items() if group in groups}


def join(k, k8=None):
    return {"1-5": f"5.2.{k}", "6-7": f"4.2.{k}", "8-11": f"4.3.{k8 or k}", "12": f"5.3.{k8 or k}"}


def invite(k):
    return {"1-5": f"5.3.{k}", "6-7": f"4.3.{k}", "8-11": f"4.4.{k}", "12": f"5.4.{k}"}


def leave(k):
    return {"1-5": f"5.4.{k}", "6-7": f"4.4.{k}", "8-11": f"4.5.{k}", "12": f"5.5.{k}"}


def ban(k):
    return {"1-5": f"5.5.{k}", "6-7": f"4.5.{k}", "8-11": f"4.6.{k}", "12": f"5.6.{k}"}


def knock(k):
    return {"7": f"4.6.{k}", "8-11": f"4.7.{k}", "12": f"5.7.{k}"}


def after_member(n, sub=""):
    return {"1-5": f"{5 + n}{sub}", "6-11": f"{4 + n}{sub}", "12": f"{5 + n}{sub}"}


def auth_events(k):
    return {"1-11": f"2.{k}", "12": f"3.{k}"}


def levels(k, sub=""):
    return {"1-5": f"10.{k}{sub}", "6-9": f"9.{k}{sub}", "10-11": f"9.{k + 2}{sub}", "12": f"10.{k + 2 + (k > 1)}{sub}"}


JOINED = {A: "join", B: "join"}
PL = {"users": {A: 100, B: 50}}


def room(members=JOINED, join_rule="public", power_levels=PL, **more):
    return {"members": members, "join_rule": join_rule, "power_levels": power_levels, **more}


def member(sender, target, membership, **content):
    return {"type": "m.room.member", "sender": sender, "state_key": target, "content": {"membership": membership, **content}}


def state(sender, kind, content=None, key=""):
    return {"type": kind, "sender": sender, "state_key": key, "content": content or {}}


def message(sender, kind="m.room.message", **more):
    return {"type": kind, "sender": sender, "content": {"body": "b"}, **more}


# --------------------------------------------------------------------------------------------- 1: m.room.create

# A create event without `room_version` is given that of the version it is tried in, since the rules in use follow from it.
create = {"type": "m.room.create", "sender": A, "state_key": "", "content": {"creator": A}, "prev": [], "auth": []}
ALL = "1-12"
allow("create", {"1-10": "1.5", "11": "1.4", "12": "1.5"}, None, create)
reject("create with a previous event", {ALL: "1.1"}, None, create | {"prev": ["$before"]})
reject("create in a room of another server", {"1-11": "1.2"}, None, create | {"sender": B})
reject("create with a room id", {"12": "1.2"}, None, create | {"room_id": "!room:a.test"})
reject("create of an unknown room version", {ALL: "1.3"}, None, create | {"content": {"creator": A, "room_version": "0"}})
reject("create of a room version that is no text", {ALL: "1.3"}, None, create | {"content": {"creator": A, "room_version": 12}})
reject("create without a creator", {"1-10": "1.4"}, None, create | {"content": {}})
allow("create without a creator", {"11": "1.4", "12": "1.5"}, None, create | {"content": {}})
allow("create without a room version", {"1": "1.5"}, None, create | {"content": {"creator": A, "room_version": None}})
allow("create with more creators", {"12": "1.5"}, None, create | {"content": {"additional_creators": [B, "@Not Now:c.test"]}})
allow("create with an empty list of more creators", {"12": "1.5"}, None, create | {"content": {"additional_creators": []}})
reject("create with more creators that are no list", {"12": "1.4"}, None, create | {"content": {"additional_creators": B}})
reject("create with one more creator that is no user id", {"12": "1.4"}, None, create | {"content": {"additional_creators": [B, "carol"]}})
reject("create with one more creator that is no text", {"12": "1.4"}, None, create | {"content": {"additional_creators": [7]}})
reject("create with one more creator of no server", {"12": "1.4"}, None, create | {"content": {"additional_creators": ["@bob:"]}})
allow("bad creators mean nothing before version 12", {"1-10": "1.5", "11": "1.4"}, None, create | {"content": {"creator": A, "additional_creators": "x"}})

# --------------------------------------------------------------------------------------------- 2 of version 12

reject("a room id that no create event has", {"12": "2"}, room(), message(A, room_id="!unknown"))
reject("a room whose create event was rejected", {"12": "2"}, room(), message(A), rejected=["create"])

# --------------------------------------------------------------------------------------------- 2, 3: auth_events

old_levels = {"label": "old levels", **state(A, "m.room.power_levels", {"users": {A: 100}})}
reject("two auth events for one tuple", auth_events("1"), room(), message(B), other=[old_levels], auth_more=["old levels"])
reject("an auth event that does not authorise messages", auth_events("2"), room(), message(B), auth_more=["join_rules"])
reject("the membership of somebody else", auth_events("2"), room(), message(B), auth_more=["member " + A])
reject("join rules for a ban", auth_events("2"), room(JOINED | {C: "join"}), member(A, C, "ban"), auth_more=["join_rules"])
reject("an auth event that is no state", auth_events("2"), room(), message(B), other=[{"label": "said", **message(A)}], auth_more=["said"])
reject("the create event is not selected", {"12": "3.2"}, room(), message(B), auth_more=["create"])
reject("a rejected auth event", auth_events("3"), room(), message(B), rejected=["power_levels"])
reject("no create event", {"1-11": "2.4"}, room(), message(B), auth_less=["create"])
elsewhere = {"label": "elsewhere", "room_id": "!elsewhere:a.test", **state(B, "m.room.power_levels", {"users": {B: 100}})}
reject("an auth event of another room", auth_events("5"), room(power_levels=None), message(B), other=[elsewhere], auth_more=["elsewhere"])
via_room = room({A: "join"}, "restricted")
via = member(B, B, "join", join_authorised_via_users_server=A) | {"signed_by": ["b.test", "a.test"]}
allow("the authorising user's membership is selected", {"8-11": "4.3.5.3", "12": "5.3.5.3"}, via_room, via)
reject("the authorising user's membership is not selected yet", {"1-7": "2.2"}, via_room, via, auth_more=["member " + A])

# --------------------------------------------------------------------------------------------- 3, 4: m.federate

closed = room({A: "join", D: "join", "@anna:a.test": "join"}, create={"m.federate": False})
reject("another server in a closed room", {"1-11": "3", "12": "4"}, closed, message(D))
reject("a join from another server into a closed room", {"1-11": "3", "12": "4"}, closed, member(B, B, "join"))
allow("the same server in a closed room", {"1-2": "12", "3-5": "11", "6-11": "10", "12": "11"}, closed, message("@anna:a.test"))
allow("m.federate true", {"1-2": "12", "3-5": "11", "6-11": "10", "12": "11"}, room(create={"m.federate": True}), message(B))
allow("m.federate that is no boolean", {"1-2": "12", "3-5": "11", "6-11": "10", "12": "11"}, room(create={"m.federate": "false"}), message(B))

# --------------------------------------------------------------------------------------------- 4: m.room.aliases

allow("aliases of the own server, not even joined", {"1-5": "4.3"}, room({A: "join"}), state(B, "m.room.aliases", {}, "b.test"))
reject("aliases of another server", {"1-5": "4.2"}, room(), state(B, "m.room.aliases", {}, "a.test"))
reject("aliases without a state key", {"1-5": "4.1"}, room(), message(A, "m.room.aliases"))
allow("aliases of another server are state like any other", {"6-11": "10", "12": "11"}, room(), state(B, "m.room.aliases", {}, "a.test"))

# --------------------------------------------------------------------------------------------- 5, 4: m.room.member

M1 = {"1-5": "5.1", "6-11": "4.1", "12": "5.1"}
reject("member without a state key", M1, room(), message(A, "m.room.member") | {"content": {"membership": "join"}})
reject("member without a membership", M1, room(), state(A, "m.room.member", {"displayname": "A"}, A))
UNKNOWN = {"1-5": "5.6", "6": "4.6", "7": "4.7", "8-11": "4.8", "12": "5.8"}
reject("an unknown membership", UNKNOWN, room(), member(A, A, "maybe"))
reject("a membership that is no text", UNKNOWN, room(), state(A, "m.room.member", {"membership": 1}, A))
reject("knock where there is no knocking", {"1-5": "5.6", "6": "4.6"}, room(JOINED, "knock"), member(C, C, "knock"))

V2 = {"8-11": "4.2.1", "12": "5.2.1"}
reject("let in by a server that did not sign", V2, via_room, via | {"signed_by": ["b.test"]})
reject("let in by what is no user id", V2, via_room, member(B, B, "join", join_authorised_via_users_server="alice") | {"signed_by": ["b.test"]})
reject("a public join that names a server which did not sign", V2, room({A: "join"}), via | {"signed_by": ["b.test"]})

# join
first = member(A, A, "join") | {"prev": ["create"]}
allow("the creator's first join", join("1"), room({}, None, None), first)
reject("the creator joins again later without an invite", join("6", "7"), room({A: "leave", B: "join"}, "invite"), member(A, A, "join"))
reject("two previous events, one of them the create event", join("6", "7"), room({A: "leave", B: "join"}, "invite"), member(A, A, "join") | {"prev": ["create", "join_rules"]})
reject("an additional creator has no first join", {"12": "5.3.7"}, room({}, None, None, create={"additional_creators": [B]}), member(B, B, "join") | {"prev": ["create"]})
reject("join of somebody else", join("2"), room(), member(A, C, "join"))
reject("join while banned", join("3"), room(JOINED | {C: "ban"}), member(C, C, "join"))
reject("join while banned, invite only", join("3"), room(JOINED | {C: "ban"}, "invite"), member(C, C, "join"))
allow("join by invite", join("4"), room(JOINED | {C: "invite"}, "invite"), member(C, C, "join"))
allow("join again, invite only (a changed profile)", join("4"), room(JOINED, "invite"), member(B, B, "join"))
allow("join by invite where there are no join rules", join("4"), room(JOINED | {C: "invite"}, None), member(C, C, "join"), source="matrix-spec issue 657: no m.room.join_rules is `invite`")
reject("join where there are no join rules", join("6", "7"), room(JOINED, None), member(C, C, "join"), source="matrix-spec issue 657: no m.room.join_rules is `invite`")
reject("join without invite", join("6", "7"), room(JOINED, "invite"), member(C, C, "join"))
reject("join after leaving, invite only", join("6", "7"), room(JOINED | {C: "leave"}, "invite"), member(C, C, "join"))
allow("join a public room", join("5", "6"), room(), member(C, C, "join"))
allow("join a public room again", join("5", "6"), room(JOINED | {C: "leave"}), member(C, C, "join"))
reject("join by an unknown rule, invited", join("6", "7"), room(JOINED | {C: "invite"}, "other"), member(C, C, "join"))
reject("join by `private`, invited", join("6", "7"), room(JOINED | {C: "invite"}, "private"), member(C, C, "join"))
allow("join by invite under knock", {"7": "4.2.4", "8-11": "4.3.4", "12": "5.3.4"}, room(JOINED | {C: "invite"}, "knock"), member(C, C, "join"))
reject("join by invite under knock before version 7", {"1-5": "5.2.6", "6": "4.2.6"}, room(JOINED | {C: "invite"}, "knock"), member(C, C, "join"))
reject("join after a knock, not invited", {"7": "4.2.6", "8-11": "4.3.7", "12": "5.3.7"}, room(JOINED | {C: "knock"}, "knock"), member(C, C, "join"))
RJ = {"8-11": "4.3.5", "12": "5.3.5"}
KR = {"10-11": "4.3.5", "12": "5.3.5"}


def point(rules, k):
    return {group: number + k for group, number in rules.items()}


allow("restricted: by invite", point(RJ, ".1"), room(JOINED | {C: "invite"}, "restricted"), member(C, C, "join"))
allow("restricted: again while joined", point(RJ, ".1"), room(JOINED, "restricted"), member(B, B, "join"))
reject("restricted: let in by nobody", point(RJ, ".2"), room(JOINED, "restricted"), member(C, C, "join"))
reject("restricted: let in by one who has left", point(RJ, ".2"), room({A: "join", B: "leave"}, "restricted"), member(C, C, "join", join_authorised_via_users_server=B) | {"signed_by": ["c.test", "b.test"]})
reject("restricted: let in by one who may not invite", point(RJ, ".2"), room(JOINED, "restricted", {"invite": 60, "users": {A: 100, B: 50}}), member(C, C, "join", join_authorised_via_users_server=B) | {"signed_by": ["c.test", "b.test"]})
allow("restricted: let in by one who may just invite", point(RJ, ".3"), room(JOINED, "restricted", {"invite": 50, "users": {A: 100, B: 50}}), member(C, C, "join", join_authorised_via_users_server=B) | {"signed_by": ["c.test", "b.test"]})
allow("restricted: let in by a creator, whatever the level", {"12": "5.3.5.3"}, room({A: "join"}, "restricted", {"invite": 1000}), member(C, C, "join", join_authorised_via_users_server=A) | {"signed_by": ["c.test", "a.test"]})
reject("restricted before version 8", {"1-5": "5.2.6", "6-7": "4.2.6"}, room(JOINED | {C: "invite"}, "restricted"), member(C, C, "join"))
allow("knock_restricted: by invite", point(KR, ".1"), room(JOINED | {C: "invite"}, "knock_restricted"), member(C, C, "join"))
allow("knock_restricted: let in", point(KR, ".3"), room(JOINED, "knock_restricted"), member(C, C, "join", join_authorised_via_users_server=B) | {"signed_by": ["c.test", "b.test"]})
reject("knock_restricted: let in by nobody", point(KR, ".2"), room(JOINED, "knock_restricted"), member(C, C, "join"))
reject("knock_restricted before version 10", {"1-5": "5.2.6", "6-7": "4.2.6", "8-9": "4.3.7"}, room(JOINED | {C: "invite"}, "knock_restricted"), member(C, C, "join"))
reject("restricted: banned, though let in", {"8-11": "4.3.3", "12": "5.3.3"}, room(JOINED | {C: "ban"}, "restricted"), member(C, C, "join", join_authorised_via_users_server=B) | {"signed_by": ["c.test", "b.test"]})

# invite
reject("invite by one who is not joined", invite("2"), room(), member(C, D, "invite"))
reject("invite by one who is invited", invite("2"), room(JOINED | {C: "invite"}), member(C, D, "invite"))
reject("invite of one who is joined", invite("3"), room(), member(A, B, "invite"))
reject("invite of one who is banned", invite("3"), room(JOINED | {C: "ban"}), member(A, C, "invite"))
allow("invite, level 0 by default", invite("4"), room(JOINED | {D: "join"}), member(D, C, "invite"))
allow("invite of one who knocks", {"7": "4.3.4", "8-11": "4.4.4", "12": "5.4.4"}, room(JOINED | {C: "knock"}, "knock"), member(A, C, "invite"))
allow("invite at just the level", invite("4"), room(power_levels=PL | {"invite": 50}), member(B, C, "invite"))
reject("invite below the level", invite("5"), room(power_levels=PL | {"invite": 51}), member(B, C, "invite"))
allow("invite again", invite("4"), room(JOINED | {C: "invite"}), member(B, C, "invite"))
allow("invite without power levels", invite("4"), room(power_levels=None), member(B, C, "invite"))

# leave
allow("leave", leave("1"), room(), member(B, B, "leave"))
allow("decline an invite", leave("1"), room(JOINED | {C: "invite"}), member(C, C, "leave"))
allow("take a knock back", {"7": "4.4.1", "8-11": "4.5.1", "12": "5.5.1"}, room(JOINED | {C: "knock"}, "knock"), member(C, C, "leave"))
reject("take a knock back before version 7", {"1-5": "5.4.1", "6": "4.4.1"}, room(JOINED | {C: "knock"}), member(C, C, "leave"))
reject("leave twice", leave("1"), room(JOINED | {C: "leave"}), member(C, C, "leave"))
reject("leave while banned", leave("1"), room(JOINED | {C: "ban"}), member(C, C, "leave"))
reject("leave a room never entered", leave("1"), room(), member(C, C, "leave"))
reject("kick by one who is not joined", leave("2"), room({A: "join", B: "leave", C: "join"}), member(B, C, "leave"))
reject("unban below the ban level", leave("3"), room(JOINED | {C: "ban"}, power_levels=PL | {"ban": 60}), member(B, C, "leave"))
allow("unban", leave("4"), room(JOINED | {C: "ban"}), member(B, C, "leave"))
reject("unban below the kick level", leave("5"), room(JOINED | {C: "ban"}, power_levels=PL | {"kick": 60}), member(B, C, "leave"))
allow("kick at just the level", leave("4"), room(JOINED | {C: "join"}), member(B, C, "leave"))
allow("retract an invite", leave("4"), room(JOINED | {C: "invite"}), member(B, C, "leave"))
reject("kick below the level", leave("5"), room(JOINED | {C: "join"}, power_levels={"users": {A: 100, B: 49}}), member(B, C, "leave"))
reject("kick of an equal", leave("5"), room(JOINED | {C: "join"}, power_levels={"users": {A: 100, B: 50, C: 50}}), member(B, C, "leave"))
reject("kick of one above", leave("5"), room(), member(B, A, "leave"))
allow("kick by the creator without power levels", leave("4"), room(power_levels=None), member(A, B, "leave"))
reject("kick by another without power levels", leave("5"), room(JOINED | {C: "join"}, power_levels=None), member(B, C, "leave"))
reject("kick of one creator by another", {"12": "5.5.5"}, room(create={"additional_creators": [B]}, power_levels=None), member(A, B, "leave"))
reject("kick of a creator by level 2^53-1", {"12": "5.5.5"}, room(power_levels={"users": {B: 9007199254740991}}), member(B, A, "leave"))

# ban
allow("ban at just the level", ban("2"), room(JOINED | {C: "join"}), member(B, C, "ban"))
allow("ban of one who was never there", ban("2"), room(), member(B, C, "ban"))
allow("ban of one who is banned", ban("2"), room(JOINED | {C: "ban"}), member(B, C, "ban"))
reject("ban by one who is not joined", ban("1"), room({A: "join", B: "invite"}), member(B, C, "ban"))
reject("ban below the level", ban("3"), room(power_levels=PL | {"ban": 51}), member(B, C, "ban"))
reject("ban of an equal", ban("3"), room(JOINED | {C: "join"}, power_levels={"users": {A: 100, B: 50, C: 50}}), member(B, C, "ban"))
reject("ban of oneself", ban("3"), room(), member(B, B, "ban"))
reject("ban of the creator", ban("3"), room(), member(B, A, "ban"))
allow("ban by users_default", ban("2"), room(JOINED | {D: "join"}, power_levels={"users": {A: 100, C: 10}, "users_default": 50}), member(D, C, "ban"))
allow("ban of one below zero", ban("2"), room(power_levels={"ban": 0, "users": {A: 100, B: 0, C: -1}}), member(B, C, "ban"))

# knock
allow("knock", knock("3"), room(JOINED, "knock"), member(C, C, "knock"))
allow("knock after leaving", knock("3"), room(JOINED | {C: "leave"}, "knock"), member(C, C, "knock"))
allow("knock twice", knock("3"), room(JOINED | {C: "knock"}, "knock"), member(C, C, "knock"))
reject("knock on a public room", knock("1"), room(), member(C, C, "knock"))
reject("knock on an invite-only room", knock("1"), room(JOINED, "invite"), member(C, C, "knock"))
reject("knock for somebody else", knock("2"), room(JOINED, "knock"), member(A, C, "knock"))
reject("knock while banned", knock("4"), room(JOINED | {C: "ban"}, "knock"), member(C, C, "knock"))
reject("knock while invited", knock("4"), room(JOINED | {C: "invite"}, "knock"), member(C, C, "knock"))
reject("knock while joined", knock("4"), room(JOINED, "knock"), member(B, B, "knock"))
allow("knock on a knock_restricted room", {"10-11": "4.7.3", "12": "5.7.3"}, room(JOINED, "knock_restricted"), member(C, C, "knock"))
reject("knock on a knock_restricted room before version 10", {"7": "4.6.1", "8-9": "4.7.1"}, room(JOINED, "knock_restricted"), member(C, C, "knock"))
reject("knock on a restricted room", knock("1"), room(JOINED, "restricted"), member(C, C, "knock"))

# third-party invites; the signature is by the key of the appendices' test seed, over {"mxid": C, "token": "token"}
KEY = "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI"
SIGNATURE = "@@SIGNATURE@@"
signed = {"mxid": C, "token": "token", "signatures": {"id.test": {"ed25519:0": SIGNATURE}}}


def third_party(signed_part, **content):
    return member(B, C, "invite", third_party_invite={"display_name": "c", "signed": signed_part}, **content)


def with_invite(members=JOINED, sender=B, **content):
    return room(members, "invite", third_party_invites=[{"sender": sender, "token": "token", "content": content or {"public_key": KEY}}])


allow("third-party invite", invite("1.7"), with_invite(), third_party(signed))
allow("third-party invite, key among several", invite("1.7"), with_invite(public_key="AAAA", public_keys=[{"public_key": "BBBB"}, {"public_key": KEY}]), third_party(signed))
allow("third-party invite by one who is no longer joined", invite("1.7"), with_invite({A: "join", B: "leave"}), third_party(signed))
reject("third-party invite of one who is banned", invite("1.1"), with_invite(JOINED | {C: "ban"}), third_party(signed))
reject("third-party invite without signed", invite("1.2"), with_invite(), member(B, C, "invite", third_party_invite={"display_name": "c"}))
reject("third-party invite without mxid", invite("1.3"), with_invite(), third_party({k: v for k, v in signed.items() if k != "mxid"}))
reject("third-party invite without token", invite("1.3"), with_invite(), third_party({k: v for k, v in signed.items() if k != "token"}))
reject("third-party invite for another", invite("1.4"), with_invite(), third_party(signed | {"mxid": D}))
reject("third-party invite of an unknown token", invite("1.5"), with_invite(), third_party(signed | {"token": "other"}))
reject("third-party invite by another sender", invite("1.6"), with_invite(sender=A), third_party(signed))
reject("third-party invite signed by another key", invite("1.8"), with_invite(public_key="11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"), third_party(signed))
reject("third-party invite with a changed signed part", invite("1.8"), with_invite(), third_party(signed | {"more": 1}))
reject("third-party invite without signatures", invite("1.8"), with_invite(), third_party({"mxid": C, "token": "token"}))

# --------------------------------------------------------------------------------------------- the rest

OTHERWISE = {"1-2": "12", "3-5": "11", "6-11": "10", "12": "11"}
allow("a message", OTHERWISE, room(), message(B))
reject("a message of one who is not joined", after_member(1), room(), message(C))
reject("a message of one who is invited", after_member(1), room(JOINED | {C: "invite"}), message(C))
reject("state of one who was banned", after_member(1), room({A: "join", B: "ban"}), state(B, "m.room.topic"))
allow("an m.room.third_party_invite at the invite level", after_member(2, ".1"), room(power_levels=PL | {"invite": 50, "state_default": 60}), state(B, "m.room.third_party_invite", {}, "t"))
reject("an m.room.third_party_invite below it", after_member(2, ".1"), room(power_levels=PL | {"invite": 51}), state(B, "m.room.third_party_invite", {}, "t"))
allow("state at the default level", OTHERWISE, room(), state(B, "m.room.topic"))
reject("state below the default level", after_member(3), room(power_levels={"users": {A: 100, B: 49}}), state(B, "m.room.topic"))
reject("state without power levels", after_member(3), room(power_levels=None), state(B, "m.room.topic"))
allow("state by the creator without power levels", OTHERWISE, room(power_levels=None), state(A, "m.room.topic"))
allow("state at a level of its own", OTHERWISE, room(power_levels=PL | {"events": {"m.room.topic": 50}, "state_default": 100}), state(B, "m.room.topic"))
reject("state below a level of its own", after_member(3), room(power_levels=PL | {"events": {"m.room.topic": 51}, "state_default": 0}), state(B, "m.room.topic"))
reject("a message below events_default", after_member(3), room(power_levels=PL | {"events_default": 51}), message(B))
reject("a message below a level of its own", after_member(3), room(power_levels=PL | {"events": {"m.room.message": 51}}), message(B))
allow("a creator above any level", {"12": "11"}, room(power_levels={"events": {"m.room.topic": 9007199254740991}}), state(A, "m.room.topic"))
allow("an additional creator above any level", {"12": "11"}, room(create={"additional_creators": [B]}, power_levels={"state_default": 1000}), state(B, "m.room.topic"))
allow("an additional creator is no creator before version 12", {"1-2": "12", "3-5": "11", "6-11": "10"}, room(create={"additional_creators": [B]}), state(B, "m.room.topic"))
reject("an additional creator has no power before version 12", {"1-5": "8", "6-11": "7"}, room(create={"additional_creators": [B]}, power_levels=None), state(B, "m.room.topic"))
reject("the sender is not the creator while `creator` is", {"1-5": "8", "6-10": "7"}, room(power_levels=None, create={"creator": B}), state(A, "m.room.topic"))
allow("`creator` means nothing from version 11 on", {"11": "10", "12": "11"}, room(power_levels=None, create={"creator": B}), state(A, "m.room.topic"))
allow("state under the own user id", OTHERWISE, room(), state(B, "org.example.own", {}, B))
reject("state under another's user id", after_member(4), room(), state(A, "org.example.own", {}, B))
reject("state under what only begins like a user id", after_member(4), room(), state(A, "org.example.own", {}, "@"))

# power levels as text and as fractions
TEXT = {"1-2": "12", "3-5": "11", "6-9": "10"}
allow("power levels as text", TEXT, room(power_levels={"users": {A: "100", B: " +050 "}, "state_default": "50"}), state(B, "m.room.topic"))
reject("power levels as text, too low", {"1-5": "8", "6-9": "7"}, room(power_levels={"users": {A: "100", B: "-50"}, "state_default": "0"}), state(B, "m.room.topic"))
allow("a level of an event type as text", TEXT, room(power_levels={"users": {A: 100, B: 50}, "events": {"m.room.topic": "0050"}}), state(B, "m.room.topic"))

# m.room.power_levels


def change(sender, before, after, name, allowed, rules, **more):
    case(name, allowed, rules, room(JOINED | {C: "join"}, power_levels=before), state(sender, "m.room.power_levels", after), **more)


BASE = {"users": {A: 100, B: 50}}
change(B, BASE, BASE, "unchanged power levels", True, levels(8))
change(A, None, {"users": {B: 50}}, "the first power levels", True, levels(2))
change(A, None, {"users": {B: 1000}}, "the first power levels may be anything", True, levels(2))
change(A, BASE, {"users": [A]}, "users as a list", False, levels(1))
change(A, BASE, {"users": {A: 100, "bob": 5}}, "a user that is no user id", False, levels(1))
change(A, BASE, {"users": {A: 100, B: "fifty"}}, "a level that is no number", False, levels(1))
change(A, BASE, {"users": {A: 100, B: None}}, "a level that is null", False, levels(1))
change(A, BASE, {"users": {A: 100, B: [5]}}, "a level that is a list", False, levels(1))
change(A, BASE, {"users": {A: 100, B: "50"}}, "a level as text", True, {"1-5": "10.8", "6-9": "9.8"})
change(A, BASE, {"users": {A: 100, B: "50"}}, "a level as text from version 10 on", False, {"10-11": "9.3", "12": "10.3"})
for key in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"]:
    change(A, BASE, BASE | {key: "0"}, f"{key} as text from version 10 on", False, {"10-11": "9.1", "12": "10.1"})
    change(B, BASE, BASE | {key: 50}, f"{key} added at the sender's level", True, levels(8))
    change(B, BASE, BASE | {key: 51}, f"{key} added above the sender", False, levels(3, ".2"))
    open_to_all = BASE | {"events": {"m.room.power_levels": 0}}
    change(B, open_to_all | {key: 51}, open_to_all | {key: 50}, f"{key} lowered from above the sender", False, levels(3, ".1"))
    change(B, open_to_all | {key: 51}, open_to_all, f"{key} removed from above the sender", False, levels(3, ".1"))
change(A, BASE, BASE | {"events": []}, "events as a list", False, {"10-11": "9.2", "12": "10.2"})
change(A, BASE, BASE | {"events": {"m.room.name": "50"}}, "a level of an event type as text from version 10 on", False, {"10-11": "9.2", "12": "10.2"})
change(A, BASE, BASE | {"notifications": {"room": "50"}}, "a notification level as text from version 10 on", False, {"10-11": "9.2", "12": "10.2"})
change(A, BASE, BASE | {"notifications": 50}, "notifications as a number", False, {"10-11": "9.2", "12": "10.2"})
change(B, BASE, {"users": {A: 100, B: 50, "@alice:a.test": 100, C: 50}}, "another raised to the sender's level", True, levels(8))
change(B, BASE, {"users": {A: 100, B: 50, C: 51}}, "another raised above the sender", False, levels(7, ".1"))
change(B, BASE, {"users": {A: 100, B: 51}}, "oneself raised", False, levels(7, ".1"))
change(B, BASE, {"users": {A: 100, B: 0}}, "oneself lowered", True, levels(8))
change(B, BASE, {"users": {A: 100}}, "oneself removed", True, levels(8))
change(B, {"users": {A: 100, B: 50, C: 50}}, {"users": {A: 100, B: 50, C: 49}}, "an equal lowered", False, levels(6, ".1"))
change(B, {"users": {A: 100, B: 50, C: 50}}, {"users": {A: 100, B: 50}}, "an equal removed", False, levels(6, ".1"))
change(B, {"users": {A: 100, B: 50, C: 49}}, {"users": {A: 100, B: 50, C: 50}}, "one below raised to the sender's level", True, levels(8))
change(B, {"users": {A: 100, B: 50, C: 60}}, {"users": {A: 100, B: 50, C: 0}}, "one above lowered", False, levels(6, ".1"))
change(B, BASE, {"users": {A: 99, B: 50}}, "the creator lowered", False, only(levels(6, ".1"), "1-5", "6-9", "10-11"))
change(A, BASE, {"users": {A: 100, B: 50}}, "a creator in users", False, {"12": "10.4"}, keep_creators=True)
change(B, BASE, {"users": {A: 0, B: 50}}, "a creator in users, by another", False, {"12": "10.4"}, keep_creators=True)
case("an additional creator in users", False, {"12": "10.4"}, room(power_levels={"users": {}}, create={"additional_creators": [B]}), state(A, "m.room.power_levels", {"users": {B: 100}}))
change(A, {"users": {B: 50}}, {"users": {B: 9007199254740991}}, "a creator grants any level", True, {"12": "10.11"})
EV = {"m.room.name": 50}
change(B, BASE, BASE | {"events": EV}, "an event type added at the sender's level", True, levels(8))
change(B, BASE, BASE | {"events": {"m.room.name": 51}}, "an event type added above the sender", False, levels(5, ".1"))
change(B, BASE | {"events": EV}, BASE, "an event type removed at the sender's level", True, levels(8))
change(B, BASE | {"events": {"m.room.name": 51}}, BASE, "an event type removed from above the sender", False, levels(4, ".1"))
change(B, BASE | {"events": {"m.room.name": 51}}, BASE | {"events": {"m.room.name": 50}}, "an event type lowered from above the sender", False, levels(4, ".1"))
change(B, BASE | {"events": EV}, BASE | {"events": {"m.room.name": 51}}, "an event type raised above the sender", False, levels(5, ".1"))
change(B, BASE, BASE | {"notifications": {"room": 51}}, "a notification added above the sender", False, only(levels(5, ".1"), "6-9", "10-11", "12"))
change(B, BASE | {"notifications": {"room": 51}}, BASE, "a notification removed from above the sender", False, only(levels(4, ".1"), "6-9", "10-11", "12"))
change(B, BASE, BASE | {"notifications": {"room": 51}}, "notifications are not looked at before version 6", True, {"1-5": "10.8"})
change(B, BASE, BASE | {"org.example": 1000}, "what is no level is not looked at", True, levels(8))
change(B, BASE | {"ban": "50"}, BASE | {"ban": 50}, "text and number of one value are no change", True, only(levels(8), "1-5", "6-9"))

# m.room.redaction
target = "$target:b.test"
REDACT = {"1-2": "11.1"}
allow("redaction at the redact level", REDACT, room(), message(B, "m.room.redaction", redacts="$target:a.test"))
allow("redaction of an event of the own server", {"1-2": "11.2"}, room(power_levels=PL | {"redact": 60}), message(B, "m.room.redaction", redacts=target))
reject("redaction of an event of another server", {"1-2": "11.3"}, room(power_levels=PL | {"redact": 60}), message(B, "m.room.redaction", redacts="$target:a.test"))
allow("redaction is a message like any other", {"3-5": "11", "6-11": "10", "12": "11"}, room(power_levels=PL | {"redact": 60}), message(B, "m.room.redaction", redacts="$target"))
reject("redaction below its own level", after_member(3), room(power_levels=PL | {"events": {"m.room.redaction": 60}}), message(B, "m.room.redaction", redacts=target))

# names that every JavaScript object has, and other values of the wrong type
allow("an event type that every object has", OTHERWISE, room(power_levels=PL | {"events": {}}), message(B, "constructor"))
reject("an event type that every object has, with a level of its own", after_member(3), room(power_levels=PL | {"events": {"constructor": 51}}), message(B, "constructor"))
allow("state of a type that every object has", OTHERWISE, room(), state(B, "toString", {}, "valueOf"))
reject("a level for __proto__", levels(1), room(), state(A, "m.room.power_levels", {"users": {A: 100, "__proto__": 100}}))
reject("a member event whose membership every object has", UNKNOWN, room(), member(A, A, "constructor"))
reject("a join rule that is no text", join("6", "7"), room(JOINED | {C: "invite"}, 1), member(C, C, "join"))
reject("a join rule that every object has", join("6", "7"), room(JOINED | {C: "invite"}, "constructor"), member(C, C, "join"))
reject("a third-party invite that is no object", invite("1.2"), with_invite(), member(B, C, "invite", third_party_invite="signed"))
reject("a third-party invite whose signed is no object", invite("1.3"), with_invite(), third_party("signed"))
reject("a third-party invite whose token is no text", invite("1.5"), with_invite(), third_party(signed | {"token": 7}))
reject("a third-party invite that is null", invite("1.2"), with_invite(), member(B, C, "invite", third_party_invite=None))
reject("let in by null", V2, room(), member(C, C, "join", join_authorised_via_users_server=None))
reject("m.room.power_levels below its own level", after_member(3), room(power_levels=PL | {"events": {"m.room.power_levels": 51}}), state(B, "m.room.power_levels", PL))
allow("levels of type of a message that is sent as state", OTHERWISE, room(power_levels=PL | {"events_default": 60}), state(B, "m.room.message"))
reject("a redaction that is sent as state", after_member(3), room(power_levels=PL | {"state_default": 60}), state(B, "m.room.redaction"))

# --------------------------------------------------------------------------------------------- written


def signature():
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1="))
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    text = json.dumps({"mxid": C, "token": "token"}, separators=(",", ":"), sort_keys=True).encode()
    return public, base64.b64encode(key.sign(text)).decode().rstrip("=")


public_key, made = signature()
names = [(c["name"], json.dumps(c["rules"])) for c in CASES]
assert len(set(names)) == len(names), "two cases of one name"
document = {
    "about": "An event against a room state: allowed or not, and by which rule of the page of each group of room versions (rooms/v1.md to v12.md, Authorisation rules).",
    "source": "read off the pages by hand, the rule's number stands in `rules`; a case says so where it has another source",
    "cases": CASES,
}
text = json.dumps(document, indent=1, ensure_ascii=False).replace(SIGNATURE, made).replace(KEY, public_key)
(OUT / "auth-rules.json").write_text(text + "\n", encoding="utf-8")
print("auth-rules.json", len(CASES))
