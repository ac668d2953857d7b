//! `config/config.toml`: every key documented, with a default and a reason; unknown keys are refused with a suggestion.

use crate::error::NodeError;
use crate::text_file;
use outvote_session::PARAMETERS;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

/// A replica's local configuration. No choice in it can break agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// Addresses to listen on.
    pub network: Network,
    /// How batches are cut.
    pub batch: BatchConfig,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Bounds on memory and connections.
    pub limits: Limits,
    /// What is logged.
    pub log: LogConfig,
}

/// `[network]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Where replicas and clients connect.
    pub listen: SocketAddr,
    /// Where the page, the API and the metrics are served.
    pub http: SocketAddr,
    /// Host names, besides the loopback ones, under which the page may be reached.
    pub http_hosts: Vec<String>,
}

/// `[batch]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// A batch is cut when it holds this many requests.
    pub count_max: usize,
    /// Under load a batch may hold so many times as much.
    pub growth: usize,
    /// Bytes in a batch at most.
    pub bytes_max: usize,
    /// How long a batch waits for more while others are under way, microseconds.
    pub linger_us: u64,
}

/// `[timeouts]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// The base of the view timeout, milliseconds.
    pub view_ms: u64,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Client connections at most.
    pub client_connections: usize,
    /// Signatures that one client connection may bring in a second; beyond it reading pauses. A question counts as 20.
    pub client_signatures_per_second: u32,
    /// Requests waiting for their order at most; more are refused as busy.
    pub pool_requests: usize,
    /// The state database's cache, MiB.
    pub database_cache_mib: usize,
    /// Blocks kept for receipts and late followers; 0 keeps all.
    pub retain_blocks: u64,
    /// The length of a file of the log, MiB.
    pub log_segment_mib: u64,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// A filter as `tracing` understands it, such as `info` or `outvote_node=debug,warn`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Section, key, default and the reason: the source of the commented file and of the suggestions.
const KEYS: &[(&str, &str, &str, &str)] = &[
    ("network", "listen", "\"127.0.0.1:4100\"", "Where replicas and clients connect (TLS 1.3, keys pinned)."),
    (
        "network",
        "http",
        "\"127.0.0.1:4000\"",
        "The page, the API and the metrics. Plain HTTP: keep it on loopback or behind a proxy.",
    ),
    (
        "network",
        "http_hosts",
        "[]",
        "More host names under which the page may be reached; others are refused (DNS rebinding).",
    ),
    ("batch", "count_max", "50", "Requests that make a batch: one round of votes for all of them."),
    (
        "batch",
        "growth",
        "16",
        "Under load a batch may hold so many times count_max, so that a busy cluster votes less often; 1 for never.",
    ),
    ("batch", "bytes_max", "1048576", "Bytes in a batch at most."),
    (
        "batch",
        "linger_us",
        "1000",
        "How long a batch waits for more while others are under way; an idle cluster never waits.",
    ),
    (
        "timeouts",
        "view_ms",
        "500",
        "How long a silent leader stays leader. It grows by itself while views fail.",
    ),
    ("limits", "client_connections", "1024", "Client connections at most."),
    (
        "limits",
        "client_signatures_per_second",
        "20000",
        "So many signatures, or a twentieth as many questions, one client connection may bring in a second; beyond it reading \
         pauses, so that a flood waits at its own door.",
    ),
    (
        "limits",
        "pool_requests",
        "8192",
        "Requests waiting for their order at most; more are refused early as busy.",
    ),
    (
        "limits",
        "database_cache_mib",
        "32",
        "Cache of the state database: half of it takes what is written at a time.",
    ),
    (
        "limits",
        "retain_blocks",
        "0",
        "Blocks kept for receipts and late followers; 0 keeps all. What peers may still need is kept in any case.",
    ),
    (
        "limits",
        "log_segment_mib",
        "16",
        "The length of a file of the log, MiB; a file is deleted once a checkpoint covers all of it.",
    ),
    ("log", "level", "\"info\"", "A filter such as info, or outvote_node=debug,warn."),
    ("log", "format", "\"text\"", "text or json."),
];

impl Default for Network {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 4100));
        Self { listen, http: SocketAddr::from(([127, 0, 0, 1], 4000)), http_hosts: Vec::new() }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { count_max: 50, growth: 16, bytes_max: 1 << 20, linger_us: 1_000 }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { view_ms: 500 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            client_connections: 1024,
            client_signatures_per_second: 20_000,
            pool_requests: 8_192,
            database_cache_mib: 32,
            retain_blocks: 0,
            log_segment_mib: 16,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

impl NodeConfig {
    /// The commented file with all defaults, but these two addresses.
    #[must_use]
    pub fn commented(listen: SocketAddr, http: SocketAddr) -> String {
        let mut text = String::from(
            "# Local configuration of one replica. Every key is optional; these are the defaults. A variable in the\n\
             # environment goes before its key: OUTVOTE_TIMEOUTS__VIEW_MS=800 before view_ms in [timeouts].\n",
        );
        let mut current = "";
        for (section, key, default, reason) in KEYS {
            if *section != current {
                text.push_str(&format!("\n[{section}]\n"));
                current = section;
            }
            let value = match *key {
                "listen" => format!("\"{listen}\""),
                "http" => format!("\"{http}\""),
                _ => (*default).to_string(),
            };
            text.push_str(&format!("# {reason}\n{key} = {value}\n"));
        }
        let agreed: Vec<&str> = PARAMETERS.iter().map(|(key, ..)| *key).collect();
        text.push_str(&format!(
            "\n# Not here, because all members must agree on them, but in committee.toml, chosen when it is made:\n# {}.\n",
            agreed.join(", ")
        ));
        text
    }

    /// Reads and checks a file. An environment variable `OUTVOTE_SECTION__KEY`, such as `OUTVOTE_TIMEOUTS__VIEW_MS=800`,
    /// goes before the file's key.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has an unknown key or a value out of its range; the error names the
    /// file, the line and the cure. The same for the variables.
    pub fn load(path: &Path) -> Result<Self, NodeError> {
        // Names that are no text are none of ours; whoever else put them there is no reason to stop.
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let mut variables = Vec::new();
        for (variable, value) in named.filter(|(name, _)| is_override(name)) {
            let Ok(value) = value.into_string() else {
                let message = "its value is no text (UTF-8): set it anew, or unset it".to_string();
                return Err(NodeError::Environment { variable, message });
            };
            variables.push((variable, value));
        }
        Self::load_with(path, variables)
    }

    /// As [`Self::load`], with these variables as the environment.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        path: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, NodeError> {
        let text = text_file::read(path, |source| NodeError::Read { path: path.into(), source })?;
        let config = Self::parse(&text, path)?;
        let wanted = variables.into_iter().filter(|(name, _)| is_override(name));
        let wanted: BTreeMap<String, String> = wanted.collect();
        if wanted.is_empty() { Ok(config) } else { overridden(&text, &wanted) }
    }

    /// Parses the text of `path`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, NodeError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            NodeError::Config { path: path.into(), line, message: explain(error.message()) }
        })?;
        config.check().map_err(|message| NodeError::Config { path: path.into(), line: 0, message })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let rules: &[(bool, &str)] = &[
            (
                (1..=outvote_types::limits::MAX_REQUESTS_PER_BATCH).contains(&self.batch.count_max),
                "batch.count_max must lie between 1 and 4096",
            ),
            ((1..=4096).contains(&self.batch.growth), "batch.growth must lie between 1 and 4096"),
            (
                (1024..=outvote_types::limits::MAX_BATCH_BYTES).contains(&self.batch.bytes_max),
                "batch.bytes_max must lie between 1024 and 4194304",
            ),
            (
                (50..=10_000).contains(&self.timeouts.view_ms),
                "timeouts.view_ms must lie between 50 and 10000",
            ),
            (self.limits.client_connections > 0, "limits.client_connections must be at least 1"),
            (
                self.limits.client_signatures_per_second >= 100,
                "limits.client_signatures_per_second must be at least 100",
            ),
            (self.limits.pool_requests >= 1024, "limits.pool_requests must be at least 1024"),
            (
                (1..=4096).contains(&self.limits.database_cache_mib),
                "limits.database_cache_mib must lie between 1 and 4096",
            ),
            (
                (1..=1024).contains(&self.limits.log_segment_mib),
                "limits.log_segment_mib must lie between 1 and 1024",
            ),
            (
                self.batch.linger_us <= self.timeouts.view_ms * 500,
                "batch.linger_us must be at most half of timeouts.view_ms, or a lingering leader looks dead",
            ),
        ];
        for (holds, message) in rules {
            if !holds {
                return Err((*message).into());
            }
        }
        Ok(())
    }
}

/// The prefix of variables, and what stands between section and key.
const PREFIX: &str = "OUTVOTE_";
const SEPARATOR: &str = "__";

fn is_override(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains(SEPARATOR))
}

/// The configuration in `text`, which is sound, with these variables going before it.
fn overridden(text: &str, variables: &BTreeMap<String, String>) -> Result<NodeConfig, NodeError> {
    let refused =
        |name: &str, message: String| NodeError::Environment { variable: name.to_string(), message };
    let mut table: toml::Table = toml::from_str(text).unwrap_or_default();
    let mut config = NodeConfig::default();
    for (name, value) in variables {
        let rest = name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase();
        let Some((section, key)) = rest.split_once(SEPARATOR) else { continue };
        let entry = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let Some(entry) = entry.as_table_mut() else { continue };
        entry.insert(key.to_string(), value_of(value));
        // One after the other, so that the error names the variable that is wrong.
        config = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| refused(name, explain(error.message())))?;
        config.check().map_err(|message| refused(name, message))?;
    }
    Ok(config)
}

/// A value as the file would spell it; what is no such value is text.
fn value_of(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    let value = parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| toml::Value::String(text.to_string()))
}

/// Adds "did you mean" to serde's "unknown field" messages.
fn explain(message: &str) -> String {
    let Some(unknown) = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next())
    else {
        return message.to_string();
    };
    let names = KEYS.iter().flat_map(|(section, key, _, _)| [*section, *key]);
    let best = names.map(|name| (distance(unknown, name), name)).min();
    match best {
        Some((distance, name)) if distance <= 3 => format!("unknown key `{unknown}`: did you mean `{name}`?"),
        _ => format!(
            "unknown key `{unknown}`: remove it, or see the commented file that `outvote init` writes"
        ),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
