//! The dependency graph, from `cargo metadata`.

use crate::layers::Package;
use crate::process::{cargo, run};
use crate::tree::Tree;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every package of the graph on this host, with its normal dependencies.
pub(crate) fn packages(tree: &Tree) -> Result<Vec<Package>, String> {
    let host = host(tree)?;
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &host];
    let finished =
        run(tree.root(), &cargo(), &arguments).map_err(|error| format!("cargo metadata: {error}"))?;
    if !finished.success {
        return Err(format!("cargo metadata fails\n{}", finished.tail()));
    }
    let value: Value = serde_json::from_str(&finished.stdout)
        .map_err(|error| format!("cargo metadata is no JSON: {error}"))?;
    read(&value).ok_or_else(|| "cargo metadata has an unknown shape".to_owned())
}

fn host(tree: &Tree) -> Result<String, String> {
    let finished = run(tree.root(), &cargo(), &["-vV"]).map_err(|error| format!("cargo -vV: {error}"))?;
    let host = finished.stdout.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "cargo -vV names no host".to_owned())
}

fn read(value: &Value) -> Option<Vec<Package>> {
    let mut names = BTreeMap::new();
    for package in value.get("packages")?.as_array()? {
        names.insert(package.get("id")?.as_str()?, package.get("name")?.as_str()?);
    }
    let own: Vec<&str> =
        value.get("workspace_members")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let mut packages = Vec::new();
    for node in value.get("resolve")?.get("nodes")?.as_array()? {
        let id = node.get("id")?.as_str()?;
        let mut depends_on = Vec::new();
        for dependency in node.get("deps")?.as_array()? {
            let kinds = dependency.get("dep_kinds")?.as_array()?;
            // A normal dependency has no kind; what only tests or build scripts need is no arrow between crates.
            if kinds.iter().any(|kind| kind.get("kind").is_some_and(Value::is_null)) {
                depends_on.push((*names.get(dependency.get("pkg")?.as_str()?)?).to_owned());
            }
        }
        packages.push(Package { name: (*names.get(id)?).to_owned(), is_own: own.contains(&id), depends_on });
    }
    Some(packages)
}
