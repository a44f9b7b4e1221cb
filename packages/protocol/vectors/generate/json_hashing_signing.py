"""Writes the fixtures about JSON, base64, hashes, signatures and redaction, next to this folder.

Nothing here runs Starling: canonical JSON is the example code of the specification's appendices, hashes are hashlib's, signatures the
`cryptography` package's, and what redaction keeps is typed off the pages of the room versions. Run:

    python3 json_hashing_signing.py
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OUT = pathlib.Path(__file__).resolve().parent.parent
VERSIONS = [str(n) for n in range(1, 13)]


def write(name, about, cases, **more):
    document = {"about": about, **more, "cases": cases}
    (OUT / name).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(name, len(cases))


# Appendices, "Canonical JSON".
def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# ------------------------------------------------------------------------------------------------- canonical JSON

SPEC_CANONICAL = [
    ("the empty object", "{}", "{}"),
    ("two members in order", '{\n    "one": 1,\n    "two": "Two"\n}', '{"one":1,"two":"Two"}'),
    ("members are sorted", '{\n    "b": "2",\n    "a": "1"\n}', '{"a":"1","b":"2"}'),
    ("members are sorted, no white space", '{"b":"2","a":"1"}', '{"a":"1","b":"2"}'),
    (
        "nested objects and arrays",
        json.dumps(
            {
                "auth": {
                    "success": True,
                    "mxid": "@john.doe:example.com",
                    "profile": {
                        "display_name": "John Doe",
                        "three_pids": [
                            {"medium": "email", "address": "john.doe@example.org"},
                            {"medium": "msisdn", "address": "123456789"},
                        ],
                    },
                }
            },
            indent=4,
        ),
        '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":'
        '[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ),
    ("text beyond ASCII", '{\n    "a": "日本語"\n}', '{"a":"日本語"}'),
    ("keys beyond ASCII", '{\n    "本": 2,\n    "日": 1\n}', '{"日":1,"本":2}'),
    ("an escaped character is written out", '{\n    "a": "\\u65E5"\n}', '{"a":"日"}'),
    ("null", '{\n    "a": null\n}', '{"a":null}'),
]

# The last example of the appendices holds `-0` and `1e10`, which its own prose says MUST NOT appear: they are refused here.
EDGES = [
    ("astral keys sort by code point, not by UTF-16 unit", '{"\\ud83d\\ude00":1,"\\uff5e":2}'),
    ("astral keys sort behind U+E000", '{"\\ud800\\udc00":1,"\\ue000":2,"z":3}'),
    ("upper case sorts before lower case", '{"a":1,"B":2,"A":3,"b":4}'),
    ("digits in keys sort as text", '{"10":1,"9":2,"1":3}'),
    ("the empty key comes first", '{"a":1,"":2}'),
    ("a key that begins another comes first", '{"ab":1,"a":2,"a.b":3}'),
    ("control characters with short escapes", '{"a":"\\b\\t\\n\\f\\r"}'),
    ("control characters without", '{"a":"\\u0000\\u0001\\u000b\\u000e\\u001f"}'),
    ("hexadecimal digits are lower case", '{"a":"\\u001A\\u001F"}'),
    ("U+007F is not escaped", '{"a":"\\u007f"}'),
    ("a solidus is not escaped", '{"a":"\\/"}'),
    ("quotation mark and reverse solidus are", '{"a":"\\"\\\\"}'),
    ("U+2028 and U+2029 are not escaped", '{"a":"\\u2028\\u2029"}'),
    ("a surrogate pair is written as UTF-8", '{"a":"\\ud83d\\ude00"}'),
    ("escaped and plain characters are one", '{"\\u0061":"\\u0062"}'),
    ("control characters in keys", '{"\\u0001":1,"\\n":2}'),
    ("U+FEFF inside text stays", '{"a":"\\ufeff"}'),
    ("combining characters are not normalised", '{"e\\u0301":1,"\\u00e9":2}'),
    ("the greatest integer", '{"a":9007199254740991}'),
    ("the smallest integer", '{"a":-9007199254740991}'),
    ("zero", '{"a":0}'),
    ("negative one", '{"a":-1}'),
    ("white space of all kinds", ' \t\r\n{ "a" :\t[ 1 ,\n2 ] }\r\n'),
    ("arrays keep their order", '{"a":[3,1,2,[],{},[[]]]}'),
    ("objects in arrays are sorted", '{"a":[{"b":1,"a":2}]}'),
    ("true, false and null", '{"c":true,"b":false,"a":null}'),
    ("__proto__ is a key like any other", '{"__proto__":{"b":1,"a":2},"constructor":1}'),
    ("keys that look like numbers are text", '{"-1":1,"1e3":2,"0":3,"00":4}'),
    ("an empty text", '{"a":""}'),
    ("text that looks like JSON", '{"a":"{\\"b\\":1}"}'),
]

REFUSED = [
    ("negative zero", '{"a":-0}', "Canonical JSON: negative zero MUST NOT appear"),
    ("an exponent", '{"b":1e10}', "Canonical JSON: represented without exponents"),
    ("an exponent in capitals", '{"b":1E2}', "Canonical JSON: represented without exponents"),
    ("a fraction", '{"a":1.5}', "Canonical JSON: float values are not permitted"),
    ("a fraction of zero", '{"a":1.0}', "Canonical JSON: without decimal places"),
    ("2^53", '{"a":9007199254740992}', "Canonical JSON: at most 2**53-1"),
    ("-2^53", '{"a":-9007199254740992}', "Canonical JSON: at least -2**53+1"),
    ("a very great integer", '{"a":123456789012345678901234567890}', "Canonical JSON: at most 2**53-1"),
    ("a lone high surrogate", '{"a":"\\ud800"}', "Canonical JSON is UTF-8, which has no surrogates"),
    ("a lone low surrogate in a key", '{"\\udc00":1}', "Canonical JSON is UTF-8, which has no surrogates"),
    ("surrogates the wrong way round", '{"a":"\\udc00\\ud800"}', "Canonical JSON is UTF-8, which has no surrogates"),
    ("a leading zero", '{"a":01}', "RFC 8259"),
    ("a plus sign", '{"a":+1}', "RFC 8259"),
    ("NaN", '{"a":NaN}', "RFC 8259"),
    ("Infinity", '{"a":-Infinity}', "RFC 8259"),
    ("a trailing comma", '{"a":1,}', "RFC 8259"),
    ("a comment", '{"a":1/**/}', "RFC 8259"),
    ("single quotes", "{'a':1}", "RFC 8259"),
    ("a control character written out", '{"a":"\n"}', "RFC 8259"),
    ("cut off", '{"a":', "RFC 8259"),
    ("something behind the end", '{"a":1}{}', "RFC 8259"),
    ("an unknown escape", '{"a":"\\x41"}', "RFC 8259"),
    ("a key twice", '{"a":1,"a":2}', "Starling's one fixed rule for what RFC 8259 leaves open (bad input 4)"),
    ("a key twice, once escaped", '{"a":1,"\\u0061":2}', "Starling's one fixed rule for what RFC 8259 leaves open (bad input 4)"),
]


def canonical_cases():
    source = "appendices, Canonical JSON, Examples"
    cases = [{"name": n, "source": source, "input": i, "expected": e} for n, i, e in SPEC_CANONICAL]
    for _, text, expected in SPEC_CANONICAL:
        assert canonical(json.loads(text)).decode() == expected
    for name, text in EDGES:
        # Python's sort_keys is by code point.
        expected = canonical(json.loads(text)).decode()
        cases.append({"name": name, "source": "the appendices' example code, run in Python", "input": text, "expected": expected})
    for name, text, source in REFUSED:
        cases.append({"name": name, "source": source, "input": text, "refused": True})
    return cases


write("canonical-json.json", "JSON text and its canonical form, or that it has none (appendices, Canonical JSON).", canonical_cases())

# ------------------------------------------------------------------------------------------------- base64


def base64_cases():
    cases = []
    for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"]:
        source = "appendices, Unpadded Base64"
        cases.append({"name": f"the text {text!r}", "source": source, "hex": text.encode().hex(), "base64": b64(text.encode()), "base64url": b64url(text.encode())})
    for name, data in [
        ("all ones", b"\xff" * 3),
        ("both characters that differ", bytes([0xFB, 0xEF, 0xFF])),
        ("zeroes", bytes(4)),
        ("32 bytes", hashlib.sha256(b"32 bytes").digest()),
        ("64 bytes", hashlib.sha512(b"64 bytes").digest()),
        ("every byte", bytes(range(256))),
    ]:
        cases.append({"name": name, "source": "Python's base64", "hex": data.hex(), "base64": b64(data), "base64url": b64url(data)})
    return cases


write("base64.json", "Bytes and their unpadded base64 in both alphabets (appendices, Unpadded Base64).", base64_cases())

# ------------------------------------------------------------------------------------------------- JSON signing

SEED = base64.b64decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1=")
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
SIGNER = {"server": "domain", "key_id": "ed25519:1", "seed": b64(SEED), "public_key": b64(KEY.public_key().public_bytes_raw())}


def sign(value):
    unsigned = {k: v for k, v in value.items() if k not in ("signatures", "unsigned")}
    return b64(KEY.sign(canonical(unsigned)))


def json_signing_cases():
    spec = "appendices, JSON Signing"
    cases = [
        {"name": "the empty object", "source": spec, "json": {}, "signature": "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"},
        {"name": "two members", "source": spec, "json": {"one": 1, "two": "Two"}, "signature": "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"},
    ]
    for case in cases:
        assert sign(case["json"]) == case["signature"]
    python = "Ed25519 of Python's cryptography over the appendices' canonical JSON"
    for name, value in [
        ("unsigned is not covered", {"one": 1, "two": "Two", "unsigned": {"age": 5}}),
        ("signatures of others stay and are not covered", {"one": 1, "two": "Two", "signatures": {"other": {"ed25519:x": "AAAA"}}}),
        ("another key of the same signer stays", {"a": 1, "signatures": {"domain": {"ed25519:0": "AAAA"}}}),
        ("text beyond ASCII", {"名": "日本語", "a": "é"}),
        ("nested", {"z": {"b": [1, {"d": None, "c": True}], "a": ""}}),
        ("hashes are covered", {"hashes": {"sha256": "x"}}),
    ]:
        cases.append({"name": name, "source": python, "json": value, "signature": sign(value)})
    return cases


write("json-signing.json", "JSON and the signature that the signer makes of it (appendices, Signing Details).", json_signing_cases(), signer=SIGNER)

# ------------------------------------------------------------------------------------------------- redaction

TOP = ["event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth", "prev_events", "prev_state", "auth_events", "origin", "origin_server_ts", "membership"]
LEVELS = ["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"]


def kept_top_level(version):
    # v11: `origin`, `membership` and `prev_state` are protected no longer.
    return [k for k in TOP if not (version >= 11 and k in ("origin", "membership", "prev_state"))]


def redacted_content(version, kind, content):
    def only(*keys):
        return {k: content[k] for k in keys if k in content}

    if kind == "m.room.member":
        kept = only("membership", *(["join_authorised_via_users_server"] if version >= 9 else []))
        invite = content.get("third_party_invite")
        if version >= 11 and isinstance(invite, dict) and "signed" in invite:
            kept["third_party_invite"] = {"signed": invite["signed"]}
        return kept
    if kind == "m.room.create":
        return content if version >= 11 else only("creator")
    if kind == "m.room.join_rules":
        return only("join_rule", *(["allow"] if version >= 8 else []))
    if kind == "m.room.power_levels":
        return only(*LEVELS, *(["invite"] if version >= 11 else []))
    if kind == "m.room.aliases":
        return only("aliases") if version <= 5 else {}
    if kind == "m.room.history_visibility":
        return only("history_visibility")
    if kind == "m.room.redaction":
        return only("redacts") if version >= 11 else {}
    return {}


def redact(event, version):
    kept = {k: event[k] for k in kept_top_level(version) if k in event}
    kept["content"] = redacted_content(version, event["type"], event["content"])
    return kept


SIGNED = {"mxid": "@b:b.test", "token": "t", "signatures": {"id.test": {"ed25519:0": "AAAA"}}}
CONTENTS = {
    "member": ("m.room.member", {"membership": "join", "displayname": "B", "avatar_url": "mxc://a/b", "reason": "r", "is_direct": True, "join_authorised_via_users_server": "@a:a.test", "third_party_invite": {"display_name": "B", "signed": SIGNED}, "x": 1}),
    "member, third-party invite without signed": ("m.room.member", {"membership": "invite", "third_party_invite": {"display_name": "B"}}),
    "member, third-party invite that is no object": ("m.room.member", {"membership": "invite", "third_party_invite": "signed"}),
    "create": ("m.room.create", {"creator": "@a:a.test", "room_version": "11", "m.federate": False, "type": "m.space", "predecessor": {"room_id": "!old:a.test"}, "additional_creators": ["@b:b.test"], "x": 1}),
    "join_rules": ("m.room.join_rules", {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "!s:a.test"}], "x": 1}),
    "power_levels": ("m.room.power_levels", {"ban": 50, "events": {"m.room.name": 50}, "events_default": 0, "invite": 10, "kick": 50, "notifications": {"room": 50}, "redact": 50, "state_default": 50, "users": {"@a:a.test": 100}, "users_default": 0, "historical": 1, "x": 1}),
    "aliases": ("m.room.aliases", {"aliases": ["#a:a.test"], "x": 1}),
    "history_visibility": ("m.room.history_visibility", {"history_visibility": "shared", "x": 1}),
    "redaction": ("m.room.redaction", {"redacts": "$target", "reason": "r", "x": 1}),
    "message": ("m.room.message", {"body": "b", "msgtype": "m.text", "membership": "join", "creator": "@a:a.test"}),
    "a type that is a key of every object": ("constructor", {"name": "n", "membership": "join"}),
}


def whole_event(kind, content):
    return {
        "event_id": "$e:a.test", "type": kind, "room_id": "!r:a.test", "sender": "@a:a.test", "state_key": "k", "content": content,
        "hashes": {"sha256": "h"}, "signatures": {"a.test": {"ed25519:1": "s"}}, "depth": 3, "prev_events": ["$p"], "prev_state": ["$s"],
        "auth_events": ["$x"], "origin": "a.test", "origin_server_ts": 7, "membership": "join", "redacts": "$target",
        "unsigned": {"age": 1}, "age_ts": 2, "replaces_state": "$o", "prev_content": {"a": 1}, "invite_room_state": [], "y": {"z": 1},
    }  # fmt: skip


def redaction_cases():
    cases = []
    for version in VERSIONS:
        for name, (kind, content) in CONTENTS.items():
            expected = redact(whole_event(kind, content), int(version))
            gone = sorted(set(whole_event(kind, content)) - set(expected))
            source = f"rooms/v{version}.md, Redactions"
            cases.append({"name": f"version {version}: {name}", "source": source, "version": version, "event": name, "removed": gone, "content": expected["content"]})
    return cases


write(
    "redaction.json",
    "What redaction keeps: `removed` are the top-level keys that go, `content` is what is left of the content.",
    redaction_cases(),
    events={name: whole_event(kind, content) for name, (kind, content) in CONTENTS.items()},
)

# ------------------------------------------------------------------------------------------------- event hashes and signatures


def content_hash(event):
    return hashlib.sha256(canonical({k: v for k, v in event.items() if k not in ("unsigned", "signatures", "hashes")})).digest()


def essential(event, version):
    kept = redact(event, version)
    return canonical({k: v for k, v in kept.items() if k not in ("signatures", "unsigned")})


def hash_and_sign(event, version):
    hashed = {**event, "hashes": {"sha256": b64(content_hash(event))}}
    reference = hashlib.sha256(essential(hashed, version)).digest()
    event_id = event["event_id"] if version <= 2 else "$" + (b64(reference) if version == 3 else b64url(reference))
    return {"content_hash": b64(content_hash(event)), "reference_hash": b64(reference), "event_id": event_id, "signature": b64(KEY.sign(essential(hashed, version)))}


def example(version, kind):
    name = {"message": "message", "member": "member", "create": "create", "power_levels": "power_levels", "redaction": "redaction"}[kind]
    event_type, content = CONTENTS[name]
    ids = ["$a:domain", "$b:domain"] if version <= 2 else ["$" + b64url(hashlib.sha256(bytes([n])).digest()) for n in (1, 2)]
    references = [[i, {"sha256": b64(hashlib.sha256(i.encode()).digest())}] for i in ids] if version <= 2 else ids
    event = {
        "type": event_type, "sender": "@u:domain", "origin_server_ts": 1000000, "content": content, "depth": 12,
        "prev_events": references[:1], "auth_events": references, "unsigned": {"age_ts": 5}, "origin": "domain", "é": "é",
        "room_id": "!" + b64url(hashlib.sha256(b"room").digest()) if version == 12 else "!r:domain",
    }  # fmt: skip
    if kind != "message" and kind != "redaction":
        event["state_key"] = "@u:domain" if kind == "member" else ""
    if kind == "redaction" and version <= 10:
        event["redacts"] = ids[0]
    if kind == "create":
        event |= {"prev_events": [], "auth_events": [], "depth": 1}
        if version == 12:
            del event["room_id"]
    if version <= 2:
        event["event_id"] = "$c:domain"
    return event


def event_cases():
    cases = []
    spec = "appendices, Event Signing"
    minimal = {"room_id": "!x:domain", "sender": "@a:domain", "origin": "domain", "origin_server_ts": 1000000, "signatures": {}, "hashes": {}, "type": "X", "content": {}, "prev_events": [], "auth_events": [], "depth": 3, "unsigned": {"age_ts": 1000000}}
    redactable = {"content": {"body": "Here is the message content"}, "event_id": "$0:domain", "origin": "domain", "origin_server_ts": 1000000, "type": "m.room.message", "room_id": "!r:domain", "sender": "@u:domain", "signatures": {}, "unsigned": {"age_ts": 1000000}}
    for name, version, event, expected, signature in [
        ("a minimally-sized event", "3", minimal, "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos", "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"),
        ("an event with redactable content", "1", redactable, "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g", "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"),
    ]:  # fmt: skip
        computed = hash_and_sign(event, int(version))
        assert computed["content_hash"] == expected and computed["signature"] == signature, name
        cases.append({"name": name, "source": spec, "version": version, "event": event, **computed})
    for version in VERSIONS:
        for kind in ["message", "member", "create", "power_levels", "redaction"]:
            event = example(int(version), kind)
            source = f"server-server API, Signing Events, with rooms/v{version}.md; computed in Python"
            cases.append({"name": f"version {version}: {kind}", "source": source, "version": version, "event": event, **hash_and_sign(event, int(version))})
    return cases


write(
    "event-hashes.json",
    "Events with their content hash, reference hash, id and signature (server-server API, Signing Events). All base64 is unpadded.",
    event_cases(),
    signer=SIGNER,
)
