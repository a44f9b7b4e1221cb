"""Writes `identifiers.json`: texts that are or are not identifiers, by the grammars of the appendices ("Identifier Grammar").

    python3 identifiers.py
"""

import json
import pathlib

OUT = pathlib.Path(__file__).resolve().parent.parent
CASES = []


def case(kind, name, text, valid, **more):
    CASES.append({"name": name, "source": f"appendices, {SECTIONS[kind]}", "kind": kind, "text": text, "valid": valid, **more})


SECTIONS = {
    "server name": "Server Name", "user id": "User Identifiers", "historical user id": "Historical User IDs", "room id": "Room IDs",
    "hash room id": "Room IDs", "event id": "Event IDs", "hash event id": "Event IDs", "room alias": "Room Aliases",
}  # fmt: skip

for text in ["matrix.org", "matrix.org:8888", "1.2.3.4", "1.2.3.4:1234", "[1234:5678::abcd]", "[1234:5678::abcd]:5678"]:
    case("server name", f"example of the page: {text}", text, True)
case("server name", "one label", "localhost", True)
case("server name", "upper case", "MATRIX.ORG", True)
case("server name", "digits only", "123", True)
case("server name", "five digits of port", "a.test:65535", True)
case("server name", "empty", "", False)
case("server name", "no host", ":8448", False)
case("server name", "empty port", "a.test:", False)
case("server name", "six digits of port", "a.test:123456", False)
case("server name", "port that is no number", "a.test:http", False)
case("server name", "underscore", "a_b.test", False)
case("server name", "slash", "a.test/x", False)
case("server name", "white space", "a .test", False)
case("server name", "text beyond ASCII", "bücher.test", False)
case("server name", "IPv6 without brackets", "1234:5678::abcd", False)
case("server name", "brackets without an end", "[1234::1", False)
case("server name", "brackets around a letter beyond f", "[12g4::1]", False)
case("server name", "two ports", "a.test:1:2", False)

case("user id", "plain", "@alice:example.org", True)
case("user id", "every character allowed", "@az09._=-/+:a.test", True)
case("user id", "server with a port", "@a:a.test:8448", True)
case("user id", "IPv6 server", "@a:[::1]:8448", True)
case("user id", "255 bytes", "@" + "a" * 247 + ":a.test", True)
case("user id", "256 bytes", "@" + "a" * 248 + ":a.test", False)
case("user id", "upper case", "@Alice:a.test", False)
case("user id", "empty localpart", "@:a.test", False)
case("user id", "no sigil", "alice:a.test", False)
case("user id", "no server", "@alice", False)
case("user id", "empty server", "@alice:", False)
case("user id", "text beyond ASCII", "@alicé:a.test", False)
case("historical user id", "upper case", "@Alice:a.test", True)
case("historical user id", "empty localpart", "@:a.test", True)
case("historical user id", "text beyond ASCII", "@alicé 日本:a.test", True)
case("historical user id", "control characters", "@a\u0001\n:a.test", True)
case("historical user id", "NUL", "@a\u0000:a.test", False)
case("historical user id", "255 bytes, not characters", "@" + "é" * 124 + ":a.test", False)
case("historical user id", "no server", "@Alice", False)

HASH = "Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"
case("room id", "plain", "!room:a.test", True)
case("room id", "control characters", "!a\u0001:a.test", True)
case("room id", "255 bytes", "!" + "a" * 247 + ":a.test", True)
case("room id", "256 bytes", "!" + "a" * 248 + ":a.test", False)
case("room id", "NUL", "!a\u0000:a.test", False)
case("room id", "no server", "!room", False)
case("room id", "event sigil", "$room:a.test", False)
case("hash room id", "the hash of version 12", "!" + HASH, True)
case("hash room id", "a server's name", "!room:a.test", False)
case("hash room id", "too short", "!" + HASH[1:], False)
case("hash room id", "too long", "!" + HASH + "A", False)
case("event id", "plain", "$opaque:a.test", True)
case("event id", "no server", "$opaque", False)
case("hash event id", "example of rooms/v4.md", "$" + HASH, True)
case("hash event id", "example of rooms/v3.md", "$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk", True)
case("hash event id", "a server's name", "$opaque:a.test", False)
case("hash event id", "padding", "$" + HASH + "=", False)
case("room alias", "plain", "#room:a.test", True)
case("room alias", "text beyond ASCII", "#räume:a.test", True)
case("room alias", "no server", "#room", False)
case("room alias", "256 bytes", "#" + "a" * 248 + ":a.test", False)

assert len({(c["kind"], c["name"]) for c in CASES}) == len(CASES)
document = {"about": "Texts that are identifiers of a kind, or are not (appendices, Identifier Grammar).", "cases": CASES}
(OUT / "identifiers.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
print("identifiers.json", len(CASES))
