//! The HTTP side of a replica, one hostile connection at a time.
#![allow(clippy::unwrap_used, reason = "tests")]

use outvote_fuzzing::http_answer;

fn status(request: &[u8]) -> Option<u16> {
    let answer = http_answer(request);
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

fn text(request: &[u8]) -> String {
    String::from_utf8_lossy(&http_answer(request)).into_owned()
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
}

fn post(path: &str, body: &[u8], headers: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn what_is_asked_properly_is_answered() {
    assert_eq!(status(&get("/livez", "")), Some(200));
    assert_eq!(status(&get("/api/v1/rooms", "")), Some(200));
    assert!(text(&get("/api/v1/rooms", "")).contains("\"rooms\":[]"));
}

// Faults: M12
#[test]
fn numbers_beyond_their_bounds_and_fields_given_twice_are_refused() {
    for query in [
        "sequence=18446744073709551616&position=0",
        "sequence=-1&position=0",
        "sequence=1e3&position=0",
        "sequence=0x10&position=0",
        "sequence=1&position=4294967296",
        "sequence=1&sequence=2&position=0",
        "sequence=1&position=0&more=1",
        "sequence=1",
        "sequence=%31%00&position=0",
    ] {
        assert_eq!(status(&get(&format!("/api/v1/receipts?{query}"), "")), Some(400), "{query}");
    }
    for body in [
        &b"{\"request\":\"00\",\"request\":\"00\"}"[..],
        b"{\"request\":9223372036854775808}",
        b"{\"request\":1e999}",
        b"{\"request\":\"00\",\"id\":1}",
        b"{\"request\":\"0\"}",
        b"{\"request\":\"zz\"}",
        b"[\"00\"]",
        b"{\"request\":\"\\ud800\"}",
        b"{\"request\":\"\xff\"}",
        b"{} {}",
        b"",
    ] {
        assert_eq!(status(&post("/api/v1/submit", body, "")), Some(400), "{}", String::from_utf8_lossy(body));
    }
}

// Faults: M03, M12
#[test]
fn json_nested_a_hundred_thousand_deep_is_refused() {
    for body in
        ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"request\":{}", "[".repeat(100_000))]
    {
        assert_eq!(status(&post("/api/v1/submit", body.as_bytes(), "")), Some(400));
    }
}

// Faults: M12
#[test]
fn paths_and_headers_that_nobody_sends_honestly_are_refused() {
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fCargo.toml",
        "//",
        "/api/v1/rooms/%ff",
    ] {
        let answer = status(&get(path, ""));
        assert!(matches!(answer, Some(400 | 404)), "{path}: {answer:?}");
    }
    let long = format!("X-Long: {}\r\n", "a".repeat(64 * 1024));
    assert!(matches!(status(&get("/livez", &long)), Some(431) | None), "a head has a bound");
    let many: String = (0..2_000).map(|at| format!("X-{at}: 1\r\n")).collect();
    assert!(matches!(status(&get("/livez", &many)), Some(431 | 400) | None), "so has their number");
    for head in [
        &b"GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"[..],
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
    ] {
        assert_eq!(status(head), Some(403), "{}", String::from_utf8_lossy(head));
    }
    for head in [
        &b"POST /api/v1/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"[..],
        b"GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /li vez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        assert!(matches!(status(head), Some(400 | 505) | None), "{}", String::from_utf8_lossy(head));
    }
}

// Events come as an ordinary answer (server-sent events): there is no WebSocket whose frames could be huge, cut or too many.
// Faults: M13
#[test]
fn no_connection_becomes_a_websocket_and_its_frames_are_no_requests() {
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let frames: [&[u8]; 4] = [
        // A length of 2^63 - 1, a fragment that never ends, a thousand pings, a reserved opcode.
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        b"\x01\x81\0\0\0\0a",
        &b"\x89\x80\0\0\0\0".repeat(1000),
        b"\x8f\x80\0\0\0\0",
    ];
    for path in ["/", "/livez", "/api/v1/events", "/api/v1/rooms"] {
        for frame in frames {
            let request = [&get(path, upgrade)[..], frame].concat();
            let answer = text(&request);
            assert!(answer.starts_with("HTTP/1.1 200"), "{path} answers as ever: {answer:?}");
            assert!(
                !answer.contains("101 Switching") && !answer.to_lowercase().contains("sec-websocket-accept")
            );
        }
    }
}

// Faults: M08
#[test]
fn nothing_is_compressed_and_nothing_compressed_is_unpacked() {
    let answer = text(&get("/", "Accept-Encoding: gzip, br, zstd, deflate\r\n")).to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && !answer.contains("content-encoding"));
    // Ten bytes of gzip's head: taken as they are, they are no JSON.
    let bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    assert_eq!(status(&post("/api/v1/submit", bomb, "Content-Encoding: gzip\r\n")), Some(400));
}

// Faults: M07, M12
#[test]
fn names_in_a_path_are_shown_in_errors_without_doing_anything() {
    for name in ["%00", "%1b%5b2J", "%e2%80%ae", "%f0%9f%98%80", "%3cscript%3e", "a".repeat(5_000).as_str()] {
        let answer = text(&get(&format!("/api/v1/rooms/{name}"), ""));
        assert!(answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        let head = answer.to_lowercase();
        assert!(head.contains("content-type: application/json") && head.contains("nosniff"), "{answer}");
        assert!(!answer.contains('\u{1b}') && !answer.contains('\0'));
    }
}
