//! The chat as replicas serve it to browsers: four real replicas in this process, with keys, TLS and disks.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::cluster::{Cluster, Person, submission};
use outvote_chat::{Access, ChatAnswer, ChatOperation};
use outvote_client::Receipt;
use outvote_types::{ResultKind, encode};
use serde_json::{Value, json};

fn register(name: &str) -> ChatOperation {
    ChatOperation::Register { name: name.into() }
}

fn create(room: &str, access: Access) -> ChatOperation {
    ChatOperation::CreateRoom { room: room.into(), access }
}

fn post(room: &str, text: &str) -> ChatOperation {
    ChatOperation::Post { room: room.into(), text: text.into() }
}

/// The receipt in a gateway's answer, checked as anybody can who knows the committee.
fn proven(cluster: &Cluster, receipt: &Value) -> outvote_client::Verdict {
    let receipt = Receipt::from_json(&receipt.to_string()).unwrap();
    receipt.verify(&cluster.committee.committee).unwrap()
}

// Faults: K18
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_browser_signs_is_agreed_proven_and_shown_by_every_replica() {
    let cluster = Cluster::start().await;
    let mut ada = Person::new();
    assert_eq!(ada.does(&cluster, 0, register("ada")).await["outcome"], "committed");
    assert_eq!(ada.does(&cluster, 1, create("lobby", Access::Public)).await["outcome"], "committed");
    let text = "<img src=x onerror=alert(1)> \u{202e}\u{1b}[2J";
    let posted = ada.does(&cluster, 2, post("lobby", text)).await;
    assert_eq!(posted["answer"]["kind"], "posted");
    assert_eq!(posted["answer"]["index"], 0);
    assert_eq!(posted["sequence"], posted["answer"]["sequence"]);

    let verdict = proven(&cluster, &posted["receipt"]);
    assert_eq!((verdict.kind, verdict.author), (ResultKind::Applied, ada.public()));
    assert_eq!(verdict.payload, post("lobby", text).encode());
    let place =
        (posted["answer"]["sequence"].as_u64().unwrap(), posted["answer"]["position"].as_u64().unwrap());
    let ChatAnswer::Posted { sequence, position, time_us, .. } = ChatAnswer::parse(&verdict.answer).unwrap()
    else {
        panic!("a post is proven");
    };
    assert_eq!((sequence, u64::from(position), time_us), (place.0, place.1, verdict.time.0));

    // The receipt by its place, through a replica that knows nothing of this request.
    let path = format!("/api/v1/receipts?sequence={}&position={}", place.0, place.1);
    assert_eq!(proven(&cluster, &cluster.get_json(3, &path).await), verdict);

    for id in 0..4 {
        let path = "/api/v1/rooms/lobby/messages?limit=10&after=-1";
        let page =
            cluster.get_until(id, path, |page| page.status == 200 && page.json()["next"] == 1).await.json();
        let expected = json!([{
            "index": 0, "sequence": place.0, "position": place.1, "room": "lobby", "author": "ada",
            "key": ada.public().to_hex(), "time_us": time_us, "text": text, "edited": false, "deleted": false,
        }]);
        assert_eq!(page["messages"], expected);
        let key = ada.public().to_hex();
        let identity = cluster.get_json(id, &format!("/api/v1/identities/{key}")).await;
        assert_eq!((&identity["name"], &identity["key"]), (&json!("ada"), &json!(key)));
        assert_eq!(cluster.get_json(id, "/api/v1/names/ada").await, identity);
        assert_eq!(cluster.get_json(id, &format!("/api/v1/sessions/{key}")).await, json!({"next_nonce": 4}));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_comes_with_its_reason_and_proof_and_asking_twice_does_nothing_twice() {
    let mut cluster = Cluster::start().await;
    let mut ada = Person::new();
    ada.does(&cluster, 0, register("ada")).await;
    let refused = ada.does(&cluster, 0, post("no-such-room", "hello?")).await;
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("rejected"), &json!("no-such-room")));
    assert!(refused["reason"].as_str().unwrap().contains("\"no-such-room\""));
    assert_eq!(proven(&cluster, &refused["receipt"]).kind, ResultKind::Refused);

    ada.does(&cluster, 0, create("lobby", Access::Public)).await;
    // One of four may be gone, and the same bytes may be handed in anywhere, as often as one likes.
    cluster.stop_replica(3).await;
    let request = submission(&ada.sign(&cluster, &post("lobby", "once")));
    let one = cluster.post(0, "/api/v1/submit", &request).await.json();
    let other = cluster.post(1, "/api/v1/submit", &request).await.json();
    assert_eq!(one["outcome"], "committed");
    assert_eq!((&one["outcome"], &one["answer"]), (&other["outcome"], &other["answer"]));
    assert_eq!(ada.does(&cluster, 1, post("lobby", "twice")).await["answer"]["index"], 1);
    cluster.stop().await;
}

// Faults: W10, W12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_shows_a_closed_room_to_those_alone_who_may_read_it() {
    let cluster = Cluster::start().await;
    let (mut ada, mut bob) = (Person::new(), Person::new());
    ada.does(&cluster, 0, register("ada")).await;
    bob.does(&cluster, 0, register("bob")).await;
    ada.does(&cluster, 0, create("attic", Access::InviteOnly)).await;
    let posted = ada.does(&cluster, 0, post("attic", "secret")).await;
    let refused = bob.does(&cluster, 0, post("attic", "may I?")).await;
    assert_eq!(refused["outcome"], "rejected");
    let (adas, bobs) = (ada.public().to_hex(), bob.public().to_hex());
    cluster
        .get_until(0, &format!("/api/v1/rooms/attic/messages?reader={adas}"), |page| {
            page.status == 200 && page.json()["next"] == 1
        })
        .await;
    let answer = &posted["answer"];
    let place = format!("/api/v1/receipts?sequence={}&position={}", answer["sequence"], answer["position"]);
    for reader in [String::new(), format!("&reader={bobs}"), format!("&reader={}", "00".repeat(32))] {
        let shown = cluster.get(0, &format!("{place}{reader}")).await;
        assert_eq!(shown.error(), (403, "not-a-member".into()), "{reader}");
        assert!(!String::from_utf8_lossy(&shown.body).contains(&hex::encode("secret")));
    }
    let shown = cluster.get_json(0, &format!("{place}&reader={adas}")).await;
    assert_eq!(proven(&cluster, &shown).payload, post("attic", "secret").encode());
    // Whoever was refused gets the proof of that, and only they and members do.
    let sequence = refused["receipt"]["ordered"]["headers"][0]["sequence"].as_u64().unwrap();
    let at = format!("/api/v1/receipts?sequence={sequence}&position=0&reader=");
    assert_eq!(
        cluster.get(0, &format!("{at}{}", "00".repeat(32))).await.error(),
        (403, "not-a-member".into())
    );
    assert_eq!(proven(&cluster, &cluster.get_json(0, &format!("{at}{bobs}")).await).author, bob.public());
    cluster.stop().await;
}

// Faults: W10, K14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_room_is_for_its_members_and_events_keep_to_that() {
    let cluster = Cluster::start().await;
    let (mut ada, mut bob) = (Person::new(), Person::new());
    ada.does(&cluster, 0, register("ada")).await;
    bob.does(&cluster, 0, register("bob")).await;
    ada.does(&cluster, 0, create("attic", Access::InviteOnly)).await;
    ada.does(&cluster, 0, create("lobby", Access::Public)).await;
    let (adas, bobs) = (ada.public().to_hex(), bob.public().to_hex());
    let mut for_ada = cluster.listen(0, &format!("?reader={adas}")).await;
    let mut for_bob = cluster.listen(0, &format!("?reader={bobs}")).await;
    let first = for_bob.wait("status", |_| true).await;
    assert_eq!((&first["n"], &first["me"]), (&json!(4), &json!(0)));
    for_ada.wait("status", |_| true).await;

    ada.does(&cluster, 0, post("attic", "secret")).await;
    ada.does(&cluster, 0, post("lobby", "public")).await;
    assert_eq!(for_ada.wait("message", |_| true).await["text"], "secret");
    // Bob hears of the second, and nothing of the first before it.
    assert_eq!(for_bob.wait("message", |_| true).await["text"], "public");

    for reader in [String::new(), format!("?reader={bobs}")] {
        let path = format!("/api/v1/rooms/attic/messages{reader}");
        assert_eq!(cluster.get(0, &path).await.error(), (403, "not-a-member".into()));
    }
    assert_eq!(cluster.get_json(0, "/api/v1/rooms").await["rooms"].as_array().unwrap().len(), 1);
    ada.does(&cluster, 0, ChatOperation::Invite { room: "attic".into(), member: bob.public() }).await;
    let path = format!("/api/v1/rooms/attic/messages?reader={bobs}");
    let page = cluster.get_until(0, &path, |page| page.status == 200).await.json();
    assert_eq!(page["messages"][0]["text"], "secret");
    let members = cluster.get_json(0, &format!("/api/v1/rooms/attic/members?reader={bobs}")).await;
    assert_eq!(members["members"].as_array().unwrap().len(), 2);
    assert_eq!(bob.does(&cluster, 0, post("attic", "thanks")).await["answer"]["index"], 1);
    assert_eq!(for_bob.wait("message", |_| true).await["text"], "thanks");
    ada.does(&cluster, 0, ChatOperation::Remove { room: "attic".into(), member: bob.public() }).await;
    let refused = cluster.get_until(0, &path, |page| page.status != 200).await;
    assert_eq!(refused.error(), (403, "not-a-member".into()));
    cluster.stop().await;
}

// Faults: M12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_a_4xx_that_says_what_and_how() {
    let cluster = Cluster::start().await;
    let gets = [
        ("/api/v1/rooms/nowhere", (404, "no-such-room")),
        ("/api/v1/rooms/%ff", (400, "bad-input")),
        ("/api/v1/rooms/nowhere/messages", (404, "no-such-room")),
        ("/api/v1/rooms/x/messages?limit=-1", (400, "bad-input")),
        ("/api/v1/rooms/x/messages?before=18446744073709551616", (400, "bad-input")),
        ("/api/v1/rooms/x/messages?befor=1", (400, "bad-input")),
        ("/api/v1/rooms/x/messages?reader=me", (400, "bad-input")),
        ("/api/v1/rooms?limit=1&limit=2", (400, "bad-input")),
        ("/api/v1/identities/ada", (400, "bad-input")),
        ("/api/v1/names/nobody", (404, "not-registered")),
        ("/api/v1/sessions/0", (400, "bad-input")),
        ("/api/v1/receipts?sequence=1", (400, "bad-input")),
        ("/api/v1/events?reader=me", (400, "bad-input")),
        ("/api/v1/submit", (405, "wrong-method")),
        ("/api/v1/nothing", (404, "no-such-route")),
        ("/../Cargo.toml", (404, "no-such-route")),
        ("/assets/../../Cargo.toml", (404, "no-such-route")),
        ("/%2e%2e/Cargo.toml", (404, "no-such-route")),
    ];
    for (path, (status, code)) in gets {
        assert_eq!(cluster.get(0, path).await.error(), (status, code.to_string()), "{path}");
    }
    let mut eve = Person::new();
    let request = eve.sign(&cluster, &register("eve"));
    let mut forged = request.clone();
    forged.signature.0[0] ^= 1;
    let mut bytes = encode(&request);
    bytes.push(0);
    let bodies = [
        (json!({"request": "zz"}), "bad-input"),
        (json!({"request": ""}), "bad-input"),
        (json!({"request": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()}), "bad-input"),
        (json!({"request": "00", "more": 1}), "bad-input"),
        (json!([]), "bad-input"),
        (submission(&forged), "bad-signature"),
    ];
    for (body, code) in bodies {
        assert_eq!(cluster.post(0, "/api/v1/submit", &body).await.error(), (400, code.to_string()), "{body}");
    }
    let json_type = [("content-type", "application/json")];
    // Where a recursive parser without a bound would end the process: alone, and in the place of a value.
    let deep = "[".repeat(500_000);
    let nested = [deep.clone(), "{\"request\":".repeat(100_000), format!("{{\"request\":{deep}")];
    let texts = nested.iter().map(String::as_str).chain(["", "{", "{\"request\":\"00\"}x", "null"]);
    for text in texts {
        let answer = cluster.send(0, "POST", "/api/v1/submit", &json_type, text).await;
        assert_eq!(answer.error(), (400, "bad-input".into()), "{}", &text[..text.len().min(20)]);
    }
    let plain = cluster.send(0, "POST", "/api/v1/submit", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(plain.error(), (415, "not-json".into()));
    for (wish, status) in [
        (json!({"replica": 4, "behaviour": "mute"}), 400),
        (json!({"replica": 70000, "behaviour": "mute"}), 400),
        (json!({"replica": 1, "behaviour": "x".repeat(100)}), 400),
        (json!({"replica": 1, "behaviour": "no-such-behaviour"}), 400),
    ] {
        assert_eq!(cluster.post(0, "/api/v1/traitor", &wish).await.error().0, status, "{wish}");
    }
    // W03, W04, W08: foreign pages and foreign names get nothing.
    for header in [("origin", "http://evil.example"), ("host", "evil.example")] {
        assert_eq!(cluster.send(0, "GET", "/api/v1/rooms", &[header], "").await.status, 403, "{header:?}");
    }
    let own = format!("http://{}", cluster.pages[1]);
    let neighbour = cluster.send(0, "GET", "/api/v1/rooms", &[("origin", own.as_str())], "").await;
    assert_eq!(neighbour.headers["access-control-allow-origin"], own);
    // After all that, the real one is taken.
    let real = cluster.post(0, "/api/v1/submit", &submission(&request)).await.json();
    assert_eq!(real["outcome"], "committed");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_committee_and_the_page_are_served() {
    let cluster = Cluster::start().await;
    let shown = cluster.get_json(2, "/api/v1/cluster").await;
    let committee = &cluster.committee.committee;
    assert_eq!(
        shown["committee"],
        encode(committee).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    );
    assert_eq!(
        (&shown["n"], &shown["f"], &shown["quorum"], &shown["me"]),
        (&json!(4), &json!(1), &json!(3), &json!(2))
    );
    assert_eq!(shown["members"][1]["http"], format!("http://{}", cluster.pages[1]));
    assert_eq!(shown["cluster"], committee.cluster_id().to_hex());

    let document = cluster.get_json(0, "/openapi.json").await;
    assert!(document["paths"]["/api/v1/submit"].is_object());

    let page = cluster.get(0, "/").await;
    assert_eq!(page.status, 200, "the built page is committed, so every build has it");
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["cache-control"], "no-cache");
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'; script-src 'self'"));
    let tag = page.headers["etag"].clone();
    let again = cluster.send(0, "GET", "/index.html", &[("if-none-match", tag.as_str())], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let html = String::from_utf8(page.body).unwrap();
    let script = html.split('"').find(|part| part.starts_with("./assets/") && part.ends_with(".js")).unwrap();
    let script = cluster.get(0, script.trim_start_matches('.')).await;
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert!(script.headers["cache-control"].contains("immutable"));
    cluster.stop().await;
}
