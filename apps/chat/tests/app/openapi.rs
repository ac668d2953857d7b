//! `/openapi.json` against four real replicas: what it says is served is served, as it says, and nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::cluster::{Cluster, Person, Response, submission};
use outvote_chat::{Access, ChatOperation};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A route as the document has it.
struct Served {
    path: String,
    method: String,
    about: Value,
}

fn served(document: &Value) -> Vec<Served> {
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, about)| Served {
            path: path.clone(),
            method: method.clone(),
            about: about.clone(),
        })
    });
    routes.collect()
}

impl Served {
    /// The parameters of the query or of the path, by name.
    fn parameters(&self, place: &str) -> BTreeSet<String> {
        let all = self.about["parameters"].as_array().unwrap();
        let here = all.iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| parameter["name"].as_str().unwrap().into()).collect()
    }

    fn fields_of_the_body(&self) -> BTreeSet<String> {
        let schema = &self.about["requestBody"]["content"]["application/json"]["schema"];
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// The media type and the shape of its answer.
    fn answer(&self) -> (&str, &Value) {
        let content = self.about["responses"]["200"]["content"].as_object().unwrap();
        let (kind, content) = content.iter().next().unwrap();
        (kind, &content["schema"])
    }

    /// The path of something that is there.
    fn example(&self, key: &str) -> String {
        self.path.replace("{room}", "lobby").replace("{name}", "ada").replace("{key}", key)
    }
}

/// What is wrong with a value of this shape, if anything. These are the words of JSON Schema that the document uses.
fn misfit(value: &Value, schema: &Value) -> Option<String> {
    for (word, enough) in [("anyOf", 1), ("oneOf", 1)] {
        if let Some(shapes) = schema[word].as_array() {
            let fits = shapes.iter().filter(|shape| misfit(value, shape).is_none()).count();
            return (fits != enough).then(|| format!("{value} fits {fits} of {schema}"));
        }
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Some(format!("{value} is none of {words:?}"));
    }
    match schema["type"].as_str().unwrap_or_else(|| panic!("a shape has a type: {schema}")) {
        "object" => {
            let Some(fields) = value.as_object() else { return Some(format!("{value} is no object")) };
            let shapes = schema["properties"].as_object().unwrap();
            let missing = schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .find(|name| !fields.contains_key(name.as_str().unwrap()));
            if let Some(missing) = missing {
                return Some(format!("{missing} is missing in {value}"));
            }
            fields.iter().find_map(|(name, field)| match shapes.get(name) {
                Some(shape) => misfit(field, shape),
                None => {
                    (schema["additionalProperties"] == false).then(|| format!("{name} is documented nowhere"))
                }
            })
        }
        "array" => value.as_array().map_or_else(
            || Some(format!("{value} is no list")),
            |items| items.iter().find_map(|item| misfit(item, &schema["items"])),
        ),
        kind => {
            let fits = match kind {
                "string" => value.as_str().is_some_and(|text| {
                    schema["pattern"].is_null()
                        || text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
                }),
                "integer" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("no type of ours: {other}"),
            };
            (!fits).then(|| format!("{value} is no {kind}"))
        }
    }
}

/// Who said something, and where it stands.
async fn someone_says_something(cluster: &Cluster) -> (Person, String) {
    let mut ada = Person::new();
    ada.does(cluster, 0, ChatOperation::Register { name: "ada".into() }).await;
    ada.does(cluster, 0, ChatOperation::CreateRoom { room: "lobby".into(), access: Access::Public }).await;
    let posted =
        ada.does(cluster, 0, ChatOperation::Post { room: "lobby".into(), text: "hello".into() }).await;
    let answer = &posted["answer"];
    let place = format!("sequence={}&position={}", answer["sequence"], answer["position"]);
    // Whatever is asked of this replica from now on has something to show.
    cluster
        .get_until(0, "/api/v1/rooms/lobby/messages", |page| page.status == 200 && page.json()["next"] == 1)
        .await;
    (ada, place)
}

/// Asks a route for what it is there for.
async fn ask(cluster: &Cluster, route: &Served, ada: &mut Person, place: &str) -> Response {
    let path = route.example(&ada.public().to_hex());
    if route.method == "get" {
        let query = if route.path == "/api/v1/receipts" { format!("?{place}") } else { String::new() };
        return cluster.get(0, &format!("{path}{query}")).await;
    }
    let body = match route.path.as_str() {
        "/api/v1/submit" => {
            submission(&ada.sign(cluster, &ChatOperation::Post { room: "lobby".into(), text: "more".into() }))
        }
        "/api/v1/traitor" => json!({"replica": 3, "behaviour": "honest"}),
        other => panic!("{other} is new: say here what it takes"),
    };
    let schema = &route.about["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(misfit(&body, schema), None, "{}", route.path);
    cluster.post(0, &path, &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_route_answers_as_documented() {
    let cluster = Cluster::start().await;
    let (mut ada, place) = someone_says_something(&cluster).await;
    let routes = served(&cluster.get_json(0, "/openapi.json").await);
    assert!(routes.len() >= 18, "the node's own and the chat's");
    for route in &routes {
        let name = format!("{} {}", route.method, route.path);
        let (kind, schema) = route.answer();
        if kind == "text/event-stream" {
            // It never ends; that an event comes says that it is served.
            cluster.listen(0, "").await.wait("status", |_| true).await;
            continue;
        }
        let response = ask(&cluster, route, &mut ada, &place).await;
        assert_eq!(response.status, 200, "{name}: {}", String::from_utf8_lossy(&response.body));
        assert!(response.headers["content-type"].starts_with(kind), "{name}: {:?}", response.headers);
        if kind == "application/json" {
            assert_eq!(misfit(&response.json(), schema), None, "{name}");
        }
    }
    cluster.stop().await;
}

// Faults: M12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_takes_what_is_not_documented_and_errors_have_the_documented_shape() {
    let cluster = Cluster::start().await;
    let document = cluster.get_json(0, "/openapi.json").await;
    let shape = &document["components"]["schemas"]["Error"];
    let key = "00".repeat(32);
    for route in served(&document) {
        let name = format!("{} {}", route.method, route.path);
        let path = route.example(&key);
        let in_braces = route.path.split('{').skip(1).map(|part| part.split('}').next().unwrap().to_string());
        assert_eq!(route.parameters("path"), in_braces.collect(), "{name}");
        for method in METHODS {
            if document["paths"][&route.path][method].is_object() {
                continue;
            }
            let refused = cluster.send(0, &method.to_uppercase(), &path, &[], "").await;
            assert_eq!(refused.status, 405, "{method} {path}");
            assert_eq!(misfit(&refused.json(), shape), None, "{method} {path}");
        }
        // Whoever refuses unknown names tells the known ones: these are what the document must have.
        let (refused, documented) = if route.method == "post" {
            (cluster.post(0, &path, &json!({"nonsense": 1})).await, route.fields_of_the_body())
        } else {
            (cluster.get(0, &format!("{path}?nonsense=1")).await, route.parameters("query"))
        };
        let message =
            if refused.status == 400 { refused.json()["error"]["message"].clone() } else { Value::Null };
        match message.as_str().and_then(|message| message.rsplit_once("expected")) {
            Some((_, known)) => {
                let known: BTreeSet<String> = known.split('`').skip(1).step_by(2).map(String::from).collect();
                assert_eq!(documented, known, "{name}");
                assert_eq!(misfit(&refused.json(), shape), None, "{name}");
            }
            // A route that looks at no query has none to document.
            None => {
                assert_eq!(documented, BTreeSet::new(), "{name}: {}", String::from_utf8_lossy(&refused.body))
            }
        }
    }
    cluster.stop().await;
}

/// Routes come into being with their descriptions in one place; one that is made elsewhere would be served undocumented.
#[test]
fn no_route_is_made_without_its_description() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut makers = Vec::new();
    for folder in ["src/http", "../../crates/node/src/http"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let is_maker = [".route(", ".route_service(", ".nest(", ".nest_service("]
                .iter()
                .any(|call| text.contains(call));
            makers.extend(is_maker.then(|| path.file_name().unwrap().to_string_lossy().into_owned()));
        }
    }
    assert_eq!(makers, ["routes.rs"]);
}
